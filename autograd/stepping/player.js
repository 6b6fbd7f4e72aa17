// Plays a recorded pass, backward or forward. `mount(root, run)` builds the player inside `root` and returns it; `run`
// is what `autograd.stepping.player.recording` makes of a trace. Position k is the moment after k steps. The root tells
// of what happens by events: "seek", with the position, "choose", with the id of a node or null, and "draw", when there
// is another drawing.

const SVG = "http://www.w3.org/2000/svg";
const WARM = "214, 96, 52";
const COLD = "44, 123, 200";
const ODD = "200, 0, 200";

const STATES = ["done", "waiting", "receiving", "current"]; // of a node, the later the more telling

const ICONS = {
  first: "M3 3v10M13 3 6 8l7 5z",
  back: "M12.5 3v10M10 3 3 8l7 5z",
  play: "M4 2.5 13 8l-9 5.5z",
  pause: "M4 3h2.5v10H4zM9.5 3H12v10H9.5z",
  step: "M3.5 3v10M6 3l7 5-7 5z",
  last: "M13 3v10M3 3l7 5-7 5z",
};

const HELP = [
  ["→ n", "one step on"],
  ["← p", "one step back"],
  ["Space", "play, pause"],
  ["Home, End", "to the start, to the end"],
  ["+ − 0", "zoom in, out, to fit"],
  ["Esc", "let go of the node"],
];

// What differs between the two kinds of pass: `nodes` are those that a step gives to, or is given by.
const BACKWARD = {
  title: "Backward pass",
  nothing: "nothing has flowed back yet",
  legend: { current: "this step", receiving: "is given", waiting: "has some, waits", done: "done" },
  nodes: (step) => step.contributions.map((part) => part.parent),
  tell: (step, given) => `has received its cotangent and contributes ${given ? `to ${given}` : "nothing"}`,
  explain: (player, step) => player.explainBackward(step),
  about: (player, node) => player.gradient(node),
};
const FORWARD = {
  title: "Forward pass",
  nothing: "nothing has been computed yet",
  legend: { current: "this step", receiving: "goes into it", done: "done" },
  nodes: (step) => step.inputs.map((part) => part.parent).filter((id) => id !== null),
  tell: (step, given) => (given ? `is computed from ${given}` : "is computed"),
  explain: (player, step) => player.explainForward(step),
  about: (player, node) => player.computed(node),
};

/** Have a page in a frame be as light or dark as the notebook around it, where that says so. */
export function matchNotebook() {
  let outside;
  try {
    outside = parent.document.body;
  } catch {
    return; // of another origin
  }
  if (outside === document.body) return;
  const match = () => {
    const { classList, dataset } = outside;
    const known = classList.contains("vscode-dark") ? "false" : classList.contains("vscode-light") ? "true" : null;
    const light = dataset.jpThemeLight ?? known;
    if (light) document.body.dataset.jpThemeLight = light;
  };
  match();
  new MutationObserver(match).observe(outside, { attributeFilter: ["class", "data-jp-theme-light"] });
}

/** Have a frame around the page grow with the player `root`, so that nothing lies under its edge. */
export function growFrame(root) {
  const frame = frameElement;
  if (!frame) return;
  document.body.classList.add("framed");
  const least = frame.clientHeight;
  let height = least;
  const fit = () => {
    height = Math.max(height, root.offsetHeight); // no less while one steps: what is below would jump
    frame.style.height = `${height}px`;
  };
  const anew = () => {
    height = least;
    fit();
  };
  new ResizeObserver(fit).observe(root);
  root.addEventListener("toggle", anew, { capture: true });
}

/** Build a player for `run` inside `root`; it listens to the keys pressed on `keys`. */
export function mount(root, run, keys = root) {
  return new Player(root, run, keys);
}

class Player {
  constructor(root, run, keys) {
    this.run = run;
    this.pass = run.forward ? FORWARD : BACKWARD;
    this.nodes = new Map(run.nodes.map((node) => [node.id, node]));
    this.record(run);
    this.position = 0;
    this.chosen = null;
    this.timer = null;
    this.zoom = null;
    this.root = root;
    this.build();
    this.show(run.drawings[0]);
    keys.addEventListener("keydown", (event) => this.press(event));
    this.seek(run.position ?? 0);
  }

  /** Play other steps over the same graph; where their numbers differ, those of the `original` ones stand beside. */
  replay(played) {
    this.record(played);
    this.slider.max = this.last;
    this.list.replaceChildren(...this.steps.map((step, index) => this.item(step, index)));
    this.seek(this.position);
  }

  record({ steps, gradients, original, originalGradients }) {
    this.steps = steps;
    this.last = steps.length;
    this.own = new Map(steps.map((step, index) => [step.node, index]));
    this.history = histories(steps);
    this.gradients = gradients ?? {};
    this.original = new Map((original ?? []).map((step) => [step.node, step]));
    this.originalHistory = histories(original ?? []);
    this.originalGradients = originalGradients ?? {};
  }

  // building

  build() {
    const control = (name, label, act) => button(act, icon(name), label, { "data-act": name });
    this.slider = element("input", {
      type: "range",
      min: 0,
      max: this.last,
      value: 0,
      "aria-label": "Position",
      oninput: () => this.seek(Number(this.slider.value)),
    });
    this.counter = element("output", { class: "counter" });
    this.speed = element(
      "select",
      { "aria-label": "Speed", title: "Speed", onchange: () => this.timer && this.play() },
      ...[0.5, 1, 2, 4, 8].map((rate) => element("option", { value: rate, selected: rate === 1 }, `${rate}×`)),
    );
    this.playing = control("play", "Play (Space)", () => this.toggle());
    this.controls = element(
      "div",
      { class: "controls", role: "toolbar", "aria-label": "Playback" },
      control("first", "To the start (Home)", () => this.seek(0)),
      control("back", "Step back (←)", () => this.seek(this.position - 1)),
      this.playing,
      control("step", "Step (→)", () => this.seek(this.position + 1)),
      control("last", "To the end (End)", () => this.seek(this.last)),
      this.slider,
      this.counter,
      this.speed,
    );
    this.told = element("p", { class: "told", "aria-live": "polite" });
    this.canvas = element("div", { class: "canvas", tabindex: 0, "aria-label": "Graph", role: "group" });
    this.numbers = element("div", { class: "step" });
    this.about = element("div", { class: "node", hidden: true });
    this.list = element("ol", {}, ...this.steps.map((step, index) => this.item(step, index)));
    this.root.replaceChildren(
      element(
        "div",
        { class: this.run.forward ? "player forward" : "player" },
        element("header", {}, element("h1", {}, this.run.title || this.pass.title), this.controls, this.told),
        element(
          "main",
          {},
          element("section", { class: "graph", "aria-label": "Drawing" }, this.tools(), this.canvas, legend(this.pass)),
          element("section", { class: "numbers", "aria-label": "Numbers" }, this.numbers, this.about),
        ),
        element("details", { class: "list" }, element("summary", {}, `All ${this.last} steps`), this.list),
        element("details", { class: "help" }, element("summary", {}, "Keys"), keyTable()),
      ),
    );
  }

  tools() {
    const follow =
      this.run.drawings.length > 1
        ? [
            element(
              "label",
              { title: "Open the module that the step is in" },
              (this.follow = element("input", { type: "checkbox", onchange: () => this.seek(this.position) })),
              " follow",
            ),
          ]
        : [];
    return element(
      "div",
      { class: "tools" },
      ...follow,
      button(() => this.scale(1 / 1.25), "−", "Zoom out (−)"),
      button(() => this.scale(1.25), "+", "Zoom in (+)"),
      button(() => this.fit(true), "Fit", "Fit the drawing (0)"),
    );
  }

  item(step, index) {
    const node = this.nodes.get(step.node);
    return element(
      "li",
      {},
      button(
        () => this.seek(index + 1),
        element(
          "span",
          {},
          element("b", {}, step.op),
          ` ${step.name ?? ""} `,
          element("small", {}, shape(node), " ", step.module),
        ),
      ),
    );
  }

  // the drawing

  show(drawing) {
    if (!drawing || drawing === this.drawing) return;
    this.drawing = drawing;
    this.canvas.innerHTML = drawing.svg;
    this.picture = this.canvas.querySelector("svg");
    this.picture.setAttribute("role", "group"); // no longer a mere image: its boxes can be pressed
    ({ width: this.width, height: this.height } = this.picture.viewBox.baseVal);
    this.groups = new Map();
    for (const group of this.canvas.querySelectorAll("[data-key]")) {
      const key = group.dataset.key;
      const ids = drawing.boxes[key];
      ids.forEach((id) => this.groups.set(id, group));
      if (drawing.closed.includes(key)) this.foldable(group, key, true);
      else pressable(group, describe(this.nodes.get(ids[0])), () => this.choose(ids[0]));
    }
    for (const group of this.canvas.querySelectorAll("[data-frame]")) this.foldable(group, group.dataset.frame, false);
    this.wires = [...this.canvas.querySelectorAll("[data-wire]")];
    this.fit();
    this.say("draw");
  }

  say(kind, detail = {}) {
    this.root.dispatchEvent(new CustomEvent(kind, { detail }));
  }

  /** Have a click on `group` open or close a module, if there is a drawing in which it is. */
  foldable(group, key, open) {
    if (!this.run.drawings.some((drawing) => drawing.open.includes(key) === open)) return;
    pressable(group, `${open ? "Open" : "Fold"} ${key}`, () => this.fold(key, open));
    group.setAttribute("aria-expanded", !open);
  }

  /** Show the drawing that is most like this one among those in which a module is open, or is not. */
  fold(key, open) {
    const now = new Set(this.drawing.open);
    const difference = (drawing) =>
      drawing.open.filter((other) => !now.has(other)).length +
      this.drawing.open.filter((other) => !drawing.open.includes(other)).length;
    const fitting = this.run.drawings.filter((drawing) => drawing.open.includes(key) === open);
    fitting.sort((a, b) => difference(a) - difference(b));
    this.show(fitting[0]);
    this.mark();
  }

  scale(factor) {
    this.zoom = Math.min(8, Math.max(0.1, this.zoom * factor));
    this.picture.style.width = `${this.width * this.zoom}px`;
    this.picture.style.height = "auto";
  }

  /** As large as the canvas is wide, or smaller to be seen whole, if that leaves it readable or `whole` asks for it. */
  fit(whole = false) {
    const across = (this.canvas.clientWidth - 24) / this.width;
    const down = (parseFloat(getComputedStyle(this.canvas).maxHeight) - 24) / this.height;
    this.zoom = Math.max(whole ? 0.2 : 0.45, Math.min(1.25, across, whole || down >= 0.75 ? down : across));
    this.scale(1);
  }

  // playing

  seek(position) {
    this.position = Math.min(this.last, Math.max(0, position));
    if (this.position === this.last) this.pause();
    const step = this.steps[this.position - 1];
    if (step && this.follow?.checked && this.groups.get(step.node)?.hasAttribute("aria-expanded")) {
      const alone = ({ boxes, closed }) =>
        Object.keys(boxes).some((key) => boxes[key].includes(step.node) && !closed.includes(key));
      this.show(this.run.drawings.find(alone) ?? this.drawing);
    }
    this.slider.value = this.position;
    this.slider.setAttribute("aria-valuetext", step ? `step ${this.position}: ${step.op}` : "start");
    this.counter.value = `${this.position} / ${this.last}`;
    const enable = (names, can) =>
      names.forEach((n) => this.controls.querySelector(`[data-act=${n}]`).setAttribute("aria-disabled", !can));
    enable(["first", "back"], this.position > 0);
    enable(["step", "last"], this.position < this.last);
    this.told.textContent = this.tell(step);
    const first = element("p", {}, "Press → to take the first step.");
    this.numbers.replaceChildren(...(step ? [...this.head(step), ...this.pass.explain(this, step)] : [first]));
    [...this.list.children].forEach((item, index) => item.classList.toggle("current", index === this.position - 1));
    this.mark();
    this.choose(this.chosen);
    this.say("seek", { position: this.position });
  }

  tell(step) {
    if (!step) return `Before the first of ${this.last} steps: ${this.pass.nothing}.`;
    const given = this.pass.nodes(step).map((id) => name(this.nodes.get(id)));
    const all = given.length > 1 ? `${given.slice(0, -1).join(", ")} and ${given.at(-1)}` : given[0];
    const told = this.pass.tell(step, all);
    return `Step ${this.position} of ${this.last}: ${step.op} ${step.name ? `(${step.name}) ` : ""}${told}.`;
  }

  toggle() {
    if (this.timer) this.pause();
    else this.play();
  }

  play() {
    this.pause();
    if (this.position === this.last) this.seek(0);
    this.timer = setInterval(() => this.seek(this.position + 1), 1000 / Number(this.speed.value));
    this.playing.replaceChildren(icon("pause"));
    this.playing.setAttribute("aria-label", "Pause (Space)");
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.playing.replaceChildren(icon("play"));
    this.playing.setAttribute("aria-label", "Play (Space)");
  }

  press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const on = event.composedPath()[0];
    const pressed = [" ", "Enter"].includes(event.key) ? ", button, summary, [role=button]" : "";
    if (on instanceof Element && on.closest(`select, input[type=checkbox]${pressed}`)) return;
    const acts = {
      ArrowRight: () => this.seek(this.position + 1),
      ArrowLeft: () => this.seek(this.position - 1),
      n: () => this.seek(this.position + 1),
      p: () => this.seek(this.position - 1),
      " ": () => this.toggle(),
      Home: () => this.seek(0),
      End: () => this.seek(this.last),
      Escape: () => this.choose(null),
      "+": () => this.scale(1.25),
      "-": () => this.scale(1 / 1.25),
      0: () => this.fit(true),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  // what is marked in the drawing

  mark() {
    const step = this.steps[this.position - 1];
    const taken = this.steps.slice(0, this.position);
    const states = new Map(); // of nodes; a box with several is marked by the most telling one
    const mark = (id, state) => states.set(id, state);
    for (const other of taken) {
      for (const { parent, waiting } of other.contributions ?? []) {
        mark(parent, waiting || !this.nodes.get(parent).leaf ? "waiting" : "done");
      }
      for (const { parent } of other.inputs ?? []) if (parent !== null) mark(parent, "done");
      mark(other.node, "done");
    }
    const partners = step ? this.pass.nodes(step) : [];
    partners.forEach((id) => mark(id, "receiving"));
    if (step) mark(step.node, "current");
    const shown = new Map();
    for (const [id, state] of states) {
      const group = this.groups.get(id);
      if (STATES.indexOf(state) > STATES.indexOf(shown.get(group))) shown.set(group, state);
    }
    for (const group of this.groups.values()) {
      group.classList.remove(...STATES);
      if (shown.has(group)) group.classList.add(shown.get(group));
    }
    const given = new Set(partners.map(String));
    const key = step && this.groups.get(step.node)?.dataset.key;
    for (const wire of this.wires) {
      wire.classList.toggle("flowing", given.has(wire.dataset.wire) && wire.dataset.uses.split(" ").includes(key));
    }
    if (this.run.forward) this.write();
    if (step) [...partners, step.node].forEach((id) => reveal(this.canvas, this.groups.get(id)));
  }

  /** Have values stand in the boxes as soon as they are computed. */
  write() {
    for (const [id, group] of this.groups) {
      const [own, text] = [this.own.get(id), group.querySelector("text.value")];
      if (!text || own === undefined) continue;
      const room = (text.dataset.room ??= text.textContent.length);
      const said = own < this.position ? brief(this.steps[own].value) : "";
      text.textContent = said.length > room ? `${said.slice(0, room - 1)}…` : said;
    }
  }

  // numbers

  head(step) {
    const node = this.nodes.get(step.node);
    return [
      element("h2", {}, element("span", { class: "number" }, `${this.position}.`), " ", step.op, " ", tag(step.name)),
      facts([
        ["module", step.module],
        ["made at", code(step.source)],
        ["result", node?.shape ? `${shape(node)} ${node.dtype ?? ""}` : "several outputs"],
      ]),
      ...(step.note ? [element("p", { class: "note" }, `changed: ${step.note}`)] : []),
    ];
  }

  explainBackward(step) {
    const parts = [];
    if (step.rule || step.latex) {
      const rule = element("div", { class: "rule", title: step.rule });
      const formula = this.run.formulas[step.latex];
      if (formula) rule.innerHTML = formula;
      else rule.textContent = step.rule;
      parts.push(rule);
    }
    const before = this.original.get(step.node);
    parts.push(element("h3", {}, "Cotangent that arrived"), beside(step.cotangent, before?.cotangent));
    if (step.contributions.length) parts.push(element("h3", {}, "Contributions"));
    return [...parts, ...step.contributions.map((part, i) => this.contribution(part, before?.contributions[i]))];
  }

  /** What went into an operation and what came out. */
  explainForward(step) {
    const before = this.original.get(step.node);
    const both = (part, other) =>
      element(
        "div",
        { class: "figures" },
        ...(part.value ? figures("value", part.value, other?.value) : ["not known any more"]),
        ...(part.tangent ? figures("tangent", part.tangent, other?.tangent) : []),
      );
    const title = ({ parent }) => (parent === null ? "a constant" : this.link(this.nodes.get(parent)));
    return [
      element("h3", {}, "Inputs"),
      ...step.inputs.map((part, i) =>
        element("article", { class: "contribution" }, element("h4", {}, title(part)), both(part, before?.inputs[i])),
      ),
      element("h3", {}, "Result"),
      both(step, before),
    ];
  }

  contribution(part, before) {
    const node = this.nodes.get(part.parent);
    const waits = part.waiting ? `waits for ${part.waiting} more` : "complete";
    const axes = part.summed_axes;
    const summed = axes.length ? `, summed over ${axes.length > 1 ? "axes" : "axis"} ${axes.join(", ")}` : "";
    const old = before?.parent === part.parent ? before : {};
    const given = figures("is given", part.value, old.value);
    const now = figures("has now", part.after, old.after);
    const values = part.before
      ? [...figures("had", part.before, old.before), ...given, ...now]
      : [...given, ...(same(part.value, part.after) ? [] : now)];
    return element(
      "article",
      { class: "contribution" },
      element("h4", {}, "to ", this.link(node), " ", element("small", {}, `${shape(node)}${summed} · ${waits}`)),
      element("div", { class: "figures" }, ...values),
    );
  }

  link(node) {
    return button(() => this.choose(node.id), name(node), undefined, { class: "link" });
  }

  /** Show the numbers of one node, as they are at this position; null shows none. */
  choose(id) {
    const changed = id !== this.chosen;
    this.chosen = id;
    this.canvas.querySelectorAll(".chosen").forEach((group) => group.classList.remove("chosen"));
    const node = this.nodes.get(id);
    this.about.hidden = !node;
    if (node) this.tellOf(node);
    if (changed) this.say("choose", { node: node ? id : null });
    if (changed && node) this.about.scrollIntoView({ block: "nearest" });
  }

  tellOf(node) {
    const { id } = node;
    this.groups.get(id)?.classList.add("chosen");
    const own = this.own.get(id);
    const link = (other) => [this.link(this.nodes.get(other)), " "];
    const there = (index) => button(() => this.seek(index + 1), String(index + 1), undefined, { class: "link" });
    this.about.replaceChildren(
      element(
        "h2",
        {},
        describe(node),
        " ",
        button(() => this.choose(null), "×", "Close", { class: "close" }),
      ),
      facts([
        ["made at", code(node.source)],
        ["module", node.module],
        ["shape", `${shape(node)} ${node.dtype ?? ""}`],
        ["from", node.parents.length ? element("span", {}, ...node.parents.flatMap(link)) : ""],
        ["its step", own === undefined ? "" : there(own)],
      ]),
      ...this.pass.about(this, node),
    );
  }

  /** A node's value, and the gradient that it has at this position of a backward pass. */
  gradient(node) {
    const { id } = node;
    const received = (this.history.get(id) ?? []).filter(([index]) => index < this.position);
    const own = this.own.get(id);
    let [gradient, before] = [received.at(-1)?.[1], this.originalHistory.get(id)?.[received.length - 1]?.[1]];
    // When all has arrived, hooks may have changed it.
    if (own < this.position) [gradient, before] = [this.steps[own].cotangent, this.original.get(id)?.cotangent];
    else if (this.position === this.last && id in this.gradients) {
      [gradient, before] = [this.gradients[id], this.originalGradients[id]];
    }
    return [
      ...(node.value ? [element("h3", {}, "Value"), array(node.value)] : []),
      element("h3", {}, "Gradient so far"),
      gradient ? beside(gradient, before) : element("p", {}, "Nothing has arrived yet."),
    ];
  }

  /** A node's value, and its tangent, once a forward pass has come to it. */
  computed(node) {
    const own = this.own.get(node.id);
    if (own >= this.position) return [element("p", {}, "Not computed yet.")];
    const inputs = this.steps.flatMap((step) => step.inputs);
    const { value, tangent } = this.steps[own] ?? inputs.find((part) => part.parent === node.id) ?? node;
    const before = this.original.get(node.id);
    return [
      element("h3", {}, "Value"),
      value ? beside(value, before?.value) : element("p", {}, "Not known any more."),
      ...(tangent ? [element("h3", {}, "Tangent"), beside(tangent, before?.tangent)] : []),
    ];
  }
}

/** For each node, what its gradient was after which step. */
function histories(steps) {
  const found = new Map();
  steps.forEach((step, index) => {
    for (const part of step.contributions ?? []) {
      if (!found.has(part.parent)) found.set(part.parent, []);
      found.get(part.parent).push([index, part.after]);
    }
  });
  return found;
}

// words

function name(node) {
  if (!node) return "?";
  return node.name || `${node.op} #${node.id}`;
}

function describe(node) {
  if (!node) return "";
  return node.name ? `${node.name} (${node.op} #${node.id})` : `${node.op} #${node.id}`;
}

function shape(thing) {
  return thing?.shape ? `(${thing.shape.join(", ")}${thing.shape.length === 1 ? "," : ""})` : "";
}

function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A number as people write it, in four digits. Numbers that are not finite come as words. */
export function format(x) {
  if (typeof x !== "number") return String(x ?? "");
  const size = Math.abs(x);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return x.toExponential(2).replace("e+", "e");
  return String(Number(x.toPrecision(4)));
}

// arrays

/** An array in a few letters, as the boxes of the drawing have it. */
function brief(summary) {
  if (!summary) return "";
  if (summary.count > 4 || summary.values === undefined) {
    return `= mean ${format(summary.mean ?? "–")} norm ${format(summary.norm ?? "–")}`;
  }
  const list = (x) => (Array.isArray(x) ? `[${x.map(list).join(", ")}]` : format(x));
  return `= ${list(summary.values)}`;
}

function array(summary) {
  if (!summary.count) return element("p", {}, "empty");
  if (summary.values !== undefined && summary.values !== null) return grids(summary.values);
  return element("div", { class: "large" }, ...(summary.thumbnail ? [thumbnail(summary)] : []), statistics(summary));
}

/** An array under a caption and, where that differs, what it was originally. */
function figures(caption, summary, original = undefined) {
  const figure = (words, numbers, attributes = {}) =>
    element("figure", attributes, element("figcaption", {}, words), array(numbers));
  const changed = original && !same(summary, original);
  return [figure(caption, summary), ...(changed ? [figure("originally", original, { class: "original" })] : [])];
}

/** The same without a caption. */
function beside(summary, original) {
  const [, ...was] = figures("", summary, original);
  return was.length ? element("div", { class: "figures beside" }, array(summary), ...was) : array(summary);
}

/** The numbers themselves: a table for every two trailing axes, warm where positive and cold where negative. */
function grids(values) {
  const scale = largest(values);
  const tables = [];
  const walk = (part, index) => {
    if (depth(part) > 2) part.forEach((inner, i) => walk(inner, [...index, i]));
    else tables.push(grid(part, scale, index));
  };
  walk(values, []);
  return element("div", { class: "grids" }, ...tables);
}

function grid(values, scale, index) {
  const rows = depth(values) === 2 ? values : [depth(values) === 1 ? values : [values]];
  const cell = (x) => element("td", { style: `background: ${heat(x, scale)}` }, format(x));
  const caption = index.length ? [element("caption", {}, `[${index.join(", ")}]`)] : [];
  return element(
    "table",
    { class: "grid" },
    ...caption,
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map(cell)))),
  );
}

function thumbnail(summary) {
  const rows = summary.thumbnail;
  const scale = largest(rows);
  const [height, width] = [rows.length, rows[0]?.length ?? 0];
  const pixel = (value, x, y) => drawn("rect", { x, y, width: 1, height: 1, fill: heat(value, scale) });
  return drawn(
    "svg",
    {
      class: "thumbnail",
      viewBox: `0 0 ${width} ${height}`,
      width: 12 * width,
      role: "img",
      "aria-label": `Means over blocks of the ${shape(summary)} array`,
    },
    ...rows.flatMap((row, y) => row.map((value, x) => pixel(value, x, y))),
  );
}

function statistics(summary) {
  return facts([
    ["shape", `${shape(summary)} ${summary.dtype}`],
    ["range", `${format(summary.min)} … ${format(summary.max)}`],
    ["mean", format(summary.mean)],
    ["norm", format(summary.norm)],
    ["zeros", `${format(100 * summary.zeros)} %`],
    ["not finite", summary.non_finite ? String(summary.non_finite) : ""],
  ]);
}

function depth(values) {
  return Array.isArray(values) ? 1 + (values.length ? depth(values[0]) : 0) : 0;
}

function largest(values) {
  const sizes = [values].flat(Infinity).filter((x) => typeof x === "number");
  return sizes.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
}

function heat(x, scale) {
  if (typeof x !== "number") return typeof x === "string" ? `rgba(${ODD}, 0.7)` : "transparent";
  return scale ? `rgba(${x < 0 ? COLD : WARM}, ${((0.7 * Math.abs(x)) / scale).toFixed(3)})` : "transparent";
}

// the page's parts

function element(kind, attributes, ...children) {
  const made = document.createElement(kind);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (typeof value === "boolean") made.toggleAttribute(key, value);
    else if (value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function drawn(kind, attributes, ...children) {
  const made = document.createElementNS(SVG, kind);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function icon(kind) {
  return drawn("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, drawn("path", { d: ICONS[kind] }));
}

/** A button of these contents, called `label` where they say too little. */
function button(act, contents, label = undefined, attributes = {}) {
  return element(
    "button",
    { type: "button", "aria-label": label, title: label, onclick: act, ...attributes },
    contents,
  );
}

function pressable(group, label, act) {
  group.setAttribute("tabindex", "0");
  group.setAttribute("role", "button");
  group.setAttribute("aria-label", label);
  group.addEventListener("click", (event) => {
    event.stopPropagation();
    act();
  });
  group.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });
}

/** Scroll `canvas`, and nothing else, so that `group` can be seen. */
function reveal(canvas, group) {
  if (!group) return;
  const inside = group.getBoundingClientRect();
  const outside = canvas.getBoundingClientRect();
  const shift = (start, end, from, to) => (start < from ? start - from - 40 : end > to ? end - to + 40 : 0);
  canvas.scrollBy({
    left: shift(inside.left, inside.right, outside.left, outside.right),
    top: shift(inside.top, inside.bottom, outside.top, outside.bottom),
  });
}

function facts(rows) {
  const known = rows.filter(([, what]) => what);
  return element("dl", {}, ...known.flatMap(([term, what]) => [element("dt", {}, term), element("dd", {}, what)]));
}

function code(text) {
  return text ? element("code", {}, text) : "";
}

function tag(text) {
  return text ? element("span", { class: "tag" }, text) : "";
}

function legend(pass) {
  const entry = ([state, words]) => element("span", { class: `key ${state}` }, words);
  return element("p", { class: "legend" }, ...Object.entries(pass.legend).map(entry));
}

function keyTable() {
  return facts(HELP.map(([keys, what]) => [element("kbd", {}, keys), what]));
}
