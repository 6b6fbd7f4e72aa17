// The widget's side in the browser: passes messages between the kernel and the players of the same run, which are in
// frames of this document. It does so as soon as there is a model, whether a view of it is shown or not, so that what
// a notebook keeps is the players themselves, which need no kernel.

function initialize({ model }) {
  const key = model.get("key");
  const tell = (message) => {
    for (let i = 0; i < window.length; i++) window[i].postMessage({ stepgrad: key, message }, window.origin);
  };
  const hear = ({ data, origin }) => {
    if (origin === window.origin && data?.stepgrad === key && data.ask) model.send(data.ask);
  };
  const pass = (message) => message.html === undefined && tell(message);
  window.addEventListener("message", hear);
  model.on("msg:custom", pass);
  tell({ there: true }); // for players that were there before
  return () => {
    window.removeEventListener("message", hear);
    model.off("msg:custom", pass);
    tell({ gone: true });
  };
}

/** A player inside other widgets. */
function render({ model, el }) {
  el.textContent = "The player of a pass, which the kernel has to send.";
  const show = ({ html }) => {
    if (html === undefined) return;
    el.innerHTML = html;
    model.off("msg:custom", show);
  };
  model.on("msg:custom", show);
  model.send({ do: "show" });
}

export default { initialize, render };
