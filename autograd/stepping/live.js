// What a player can do with a kernel behind it: move the stepper, stop at breakpoints, put other numbers in place of
// those that flow, check rules by finite differences. `connect(player, live)` looks for the widget of the key
// `live.key` in the document around; until it answers, and after it has gone, the player plays alone.
//
// Messages go out one at a time, as {do, to, …}, and the next when there is an answer. Every message of the widget says
// where the stepper is; an answer has the same `to`, and what was found out, or the `error` in words.

const PATIENCE = 1500; // milliseconds until it is said that the kernel takes its time
const UNASKED = new Set(["hello", "inputs", "seek", "steps"]); // whose success is no reason to take an error away

export function connect(player, live) {
  return new Live(player, live);
}

class Live {
  constructor(player, { key, revision }) {
    this.player = player;
    this.key = key;
    this.revision = revision;
    this.self = Math.random().toString(36).slice(2);
    this.asked = 0;
    this.queue = [];
    this.waiting = null;
    this.state = null;
    this.checks = new Map(); // of nodes, by id
    this.following = false; // whether the player is being moved to where the stepper is
    this.build();
    player.root.addEventListener("seek", ({ detail }) => this.sought(detail.position));
    player.root.addEventListener("choose", () => this.showNode());
    player.root.addEventListener("draw", () => this.mark());
    window.addEventListener("message", (event) => this.hear(event));
    this.ask("hello");
  }

  // messages

  ask(what, details = {}) {
    if (what === "seek") this.queue = this.queue.filter((other) => other.do !== "seek");
    this.queue.push({ do: what, ...details });
    this.send();
  }

  send() {
    this.panel.setAttribute("aria-busy", Boolean(this.waiting || this.queue.length));
    if (this.waiting || !this.queue.length) return;
    this.waiting = { ...this.queue.shift(), to: `${this.self}-${++this.asked}` };
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.say("No answer yet: the kernel is busy, or this stepper is gone."), PATIENCE);
    parent.postMessage({ stepgrad: this.key, ask: this.waiting }, window.origin);
  }

  hear({ data, source, origin }) {
    if (source !== parent || origin !== window.origin || data?.stepgrad !== this.key || !data.message) return;
    const { message } = data;
    if (message.gone) this.leave();
    else if (message.there) this.again();
    else this.take(message);
  }

  /** The widget has only now come to be: ask it again. */
  again() {
    this.waiting = null;
    this.queue = [];
    this.ask("hello");
  }

  leave() {
    clearTimeout(this.timer);
    this.waiting = this.state = null;
    this.queue = [];
    this.panel.hidden = true;
    this.player.seek(this.player.position);
  }

  take(message) {
    const answered = this.waiting && message.to === this.waiting.to ? this.waiting : null;
    if (answered) {
      clearTimeout(this.timer);
      this.waiting = null;
      this.say(message.told ?? "");
      if (message.error || !UNASKED.has(answered.do)) this.complain(message.error ?? "");
      if (message.kinds) this.offer(message.kinds);
      if (message.check) this.checks.set(message.check.node, message.check);
      if (message.inputs) this.inputs = message;
      if (message.steps) {
        this.revision = message.revision;
        this.checks.clear();
        this.quietly(() => this.player.replay(message));
      }
    }
    this.state = message;
    if (this.panel.hidden) {
      this.panel.hidden = false;
      this.player.fit(); // there is less room now
    }
    if (message.revision !== this.revision && !this.queue.some((other) => other.do === "steps")) this.ask("steps");
    if (!this.waiting && !this.queue.length && message.position !== this.player.position) {
      this.quietly(() => this.player.seek(message.position));
    }
    this.showBreakpoints();
    this.show();
    this.send();
  }

  quietly(act) {
    this.following = true;
    act();
    this.following = false;
  }

  sought(position) {
    if (!this.following && this.state) {
      const last = [this.waiting, ...this.queue].findLast((other) => other?.do === "seek") ?? this.state;
      if (position !== last.position) this.ask("seek", { position });
    }
    this.show();
  }

  // the page

  build() {
    this.status = element("span", { class: "status", role: "status" });
    this.error = element("p", { class: "error", role: "alert", hidden: true });
    this.kind = element("select", { "aria-label": "Kind of breakpoint", onchange: () => this.wanted() });
    this.text = element("input", { type: "text", "aria-label": "Which", size: 14 });
    this.stops = element("span", { class: "stops" });
    this.panel = element(
      "section",
      { class: "live", "aria-label": "Breakpoints", hidden: true },
      button(() => this.ask("run"), "Run to breakpoint", "Run to breakpoint: the next one, or to the end", {
        "data-act": "run",
      }),
      this.stops,
      element("form", { onsubmit: (event) => this.add(event) }, "stop at ", this.kind, " ", this.text, " ", submit("Add")),
      this.status,
      this.error,
    );
    this.player.root.querySelector("header").append(this.panel);
    for (const kept of [this.text, this.kind]) kept.addEventListener("keydown", (event) => event.stopPropagation());
  }

  offer(kinds) {
    this.kinds = new Map(kinds.map(({ kind, wants }) => [kind, wants]));
    if (this.kind.options.length) return;
    this.kind.append(...kinds.map(({ kind }) => element("option", {}, kind)));
    this.wanted();
  }

  wanted() {
    const wants = this.kinds.get(this.kind.value);
    this.text.hidden = !wants;
    this.text.placeholder = wants;
    this.text.value = "";
  }

  add(event) {
    event.preventDefault();
    this.ask("stop", { kind: this.kind.value, text: this.text.value });
    this.text.value = "";
  }

  say(text) {
    this.status.textContent = text;
  }

  complain(error) {
    this.error.hidden = !error;
    this.error.replaceChildren(
      error,
      " ",
      button(() => this.complain(""), "×", "Dismiss", { class: "close" }),
    );
    if (error) this.error.scrollIntoView({ block: "nearest" });
  }

  showBreakpoints() {
    const stops = this.state.breakpoints;
    const chip = ({ said }, index) =>
      element(
        "span",
        { class: "stop" },
        said,
        " ",
        button(() => this.ask("clear", { index }), "×", `Clear the breakpoint ${said}`),
      );
    this.stops.replaceChildren(...stops.map(chip));
    this.panel.querySelector("[data-act=run]").setAttribute("aria-disabled", !stops.length);
    this.mark();
  }

  /** Dots in the drawing where a breakpoint is at a node. */
  mark() {
    const { canvas, groups } = this.player;
    canvas.querySelectorAll(".stop").forEach((dot) => dot.remove());
    for (const { node } of this.state?.breakpoints ?? []) {
      const box = groups.get(node)?.querySelector("rect");
      if (!box) continue;
      const [x, y] = ["x", "y"].map((side) => Number(box.getAttribute(side)) + 2);
      box.parentNode.append(drawn("circle", { class: "stop", cx: x, cy: y, r: 5 }));
    }
  }

  /** What there is to do at the present step, and at the chosen node. */
  show() {
    this.showStep();
    this.showNode();
  }

  showNode() {
    const { about, chosen } = this.player;
    about.querySelector(".halt")?.remove();
    if (!this.state || chosen === null) return;
    const index = this.state.breakpoints.findIndex(({ node }) => node === chosen);
    const set = () => (index < 0 ? this.ask("stop", { kind: "node", node: chosen }) : this.ask("clear", { index }));
    about.append(
      element(
        "p",
        { class: "halt" },
        button(set, index < 0 ? "Stop here" : "Do not stop here", undefined, { "data-act": "halt" }),
      ),
    );
  }

  showStep() {
    const { numbers, position, steps } = this.player;
    if (numbers.querySelector(".doing textarea:focus")) return; // somebody types
    numbers.querySelector(".doing")?.remove();
    const step = steps[position - 1];
    if (!this.state || !step) return;
    const check = this.checks.get(step.node);
    const badge = check
      ? element(
          "p",
          { class: `badge ${check.verdict}`, role: "status" },
          { right: "✓ ", wrong: "✗ ", unknown: "? " }[check.verdict],
          check.said,
        )
      : button(() => this.ask("check"), "Check by finite differences", undefined, { "data-act": "check" });
    const restore = this.state.changed
      ? [button(() => this.ask("restore"), "Restore the original", undefined, { "data-act": "restore" })]
      : [];
    numbers.append(element("div", { class: "doing" }, badge, " ", ...restore, this.whatIf()));
  }

  /** The form that puts other numbers in place of those at the present step. */
  whatIf() {
    const moment = `${this.player.position} of ${this.state.revision}`;
    if (this.open && this.wantedAt !== moment) {
      this.wantedAt = moment;
      this.typed = {};
      this.ask("inputs");
    }
    const { position, revision, inputs } = this.inputs ?? {};
    const choices = moment === `${position} of ${revision}` ? inputs : [];
    const text = element("textarea", { rows: 2, "aria-label": "Numbers" });
    const option = ({ name }) => element("option", { selected: name === this.typed?.name }, name);
    const which = element("select", { "aria-label": "What to replace" }, ...choices.map(option));
    const fill = () => {
      const choice = choices.find(({ name }) => name === which.value);
      text.value = this.typed?.name === which.value ? this.typed.text : (choice?.text ?? "");
      text.placeholder = choice ? `one number, or lists of them in shape ${choice.shape}` : "";
    };
    fill();
    which.addEventListener("change", fill);
    text.addEventListener("input", () => (this.typed = { name: which.value, text: text.value }));
    for (const kept of [text, which]) kept.addEventListener("keydown", (event) => event.stopPropagation());
    const replace = (event) => {
      event.preventDefault();
      this.ask("replace", { name: which.value, text: text.value });
    };
    const details = element(
      "details",
      { class: "whatif", open: Boolean(this.open) },
      element("summary", {}, "What if …"),
      element("form", { onsubmit: replace }, which, " were ", text, " ", submit("Replace")),
    );
    details.addEventListener("toggle", () => {
      if (this.open === details.open) return;
      this.open = details.open;
      if (this.open) this.show();
      details.scrollIntoView({ block: "nearest" });
    });
    return details;
  }
}

function submit(text) {
  return element("button", { type: "submit" }, text);
}
