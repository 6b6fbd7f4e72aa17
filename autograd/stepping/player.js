// Plays a recorded backward pass. `mount(root, run)` builds the player inside `root` and returns it; `run` is what
// `autograd.stepping.player.recording` makes of a trace. Position k is the moment after k steps. The root tells of
// what happens by events: "seek", with the position, and "choose", with the id of a node or null.

const SVG = "http://www.w3.org/2000/svg";
const WARM = "214, 96, 52";
const COLD = "44, 123, 200";
const ODD = "200, 0, 200";

const STATES = ["done", "waiting", "receiving", "current"]; // of a node, the later the more telling

const ICONS = {
  first: "M3 3v10M13 3 6 8l7 5z",
  back: "M11 3 4 8l7 5z",
  play: "M4 2.5 13 8l-9 5.5z",
  pause: "M4 3h2.5v10H4zM9.5 3H12v10H9.5z",
  step: "M5 3l7 5-7 5z",
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

/** Build a player for `run` inside `root`; it listens to the keys pressed on `keys`. */
export function mount(root, run, keys = root) {
  return new Player(root, run, keys);
}

class Player {
  constructor(root, run, keys) {
    this.run = run;
    this.nodes = new Map(run.nodes.map((node) => [node.id, node]));
    this.history = histories(run.steps);
    this.last = run.steps.length;
    this.position = 0;
    this.chosen = null;
    this.timer = null;
    this.zoom = null;
    this.root = root;
    this.build();
    this.show(run.drawings[0]);
    keys.addEventListener("keydown", (event) => this.press(event));
    this.seek(0);
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
    this.list = element("ol", {}, ...this.run.steps.map((step, index) => this.item(step, index)));
    this.root.replaceChildren(
      element(
        "div",
        { class: "player" },
        element("header", {}, element("h1", {}, this.run.title || "Backward pass"), this.controls, this.told),
        element(
          "main",
          {},
          element("section", { class: "graph", "aria-label": "Drawing" }, this.tools(), this.canvas, legend()),
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
      button(() => this.fit(), "Fit", "Fit the drawing (0)"),
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
    this.width = this.picture.viewBox.baseVal.width;
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

  fit() {
    this.zoom = Math.min(1.25, Math.max(0.45, (this.canvas.clientWidth - 24) / this.width));
    this.scale(1);
  }

  // playing

  seek(position) {
    this.position = Math.min(this.last, Math.max(0, position));
    if (this.position === this.last) this.pause();
    const step = this.run.steps[this.position - 1];
    if (step && this.follow?.checked && this.groups.get(step.node)?.hasAttribute("aria-expanded")) {
      const alone = ({ boxes, closed }) =>
        Object.keys(boxes).some((key) => boxes[key].includes(step.node) && !closed.includes(key));
      this.show(this.run.drawings.find(alone) ?? this.drawing);
    }
    this.slider.value = this.position;
    this.slider.setAttribute("aria-valuetext", step ? `step ${this.position}: ${step.op}` : "start");
    this.counter.value = `${this.position} / ${this.last}`;
    const enable = (names, can) =>
      names.forEach((n) => (this.controls.querySelector(`[data-act=${n}]`).disabled = !can));
    enable(["first", "back"], this.position > 0);
    enable(["step", "last"], this.position < this.last);
    this.told.textContent = this.tell(step);
    this.numbers.replaceChildren(
      ...(step ? this.explain(step) : [element("p", {}, "Press → to take the first step.")]),
    );
    [...this.list.children].forEach((item, index) => item.classList.toggle("current", index === this.position - 1));
    this.mark();
    this.choose(this.chosen);
    this.root.dispatchEvent(new CustomEvent("seek", { detail: { position: this.position } }));
  }

  tell(step) {
    if (!step) return `Before the first of ${this.last} steps: nothing has flown back yet.`;
    const given = step.contributions.map((part) => name(this.nodes.get(part.parent)));
    const all = given.length > 1 ? `${given.slice(0, -1).join(", ")} and ${given.at(-1)}` : given[0];
    const to = all ? `has received its cotangent and contributes to ${all}` : "contributes nothing";
    return `Step ${this.position} of ${this.last}: ${step.op} ${step.name ? `(${step.name}) ` : ""}${to}.`;
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
      0: () => this.fit(),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  // what is marked in the drawing

  mark() {
    const step = this.run.steps[this.position - 1];
    const taken = this.run.steps.slice(0, this.position);
    const states = new Map(); // of nodes; a box with several is marked by the most telling one
    const mark = (id, state) => states.set(id, state);
    for (const other of taken) {
      for (const part of other.contributions) {
        mark(part.parent, part.waiting || !this.nodes.get(part.parent).leaf ? "waiting" : "done");
      }
      mark(other.node, "done");
    }
    step?.contributions.forEach((part) => mark(part.parent, "receiving"));
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
    const given = new Set(step?.contributions.map((part) => String(part.parent)));
    const key = step && this.groups.get(step.node)?.dataset.key;
    for (const wire of this.wires) {
      wire.classList.toggle("flowing", given.has(wire.dataset.wire) && wire.dataset.uses.split(" ").includes(key));
    }
    if (step) reveal(this.canvas, this.groups.get(step.node));
  }

  // numbers

  explain(step) {
    const node = this.nodes.get(step.node);
    const parts = [
      element("h2", {}, element("span", { class: "number" }, `${this.position}.`), " ", step.op, " ", tag(step.name)),
      facts([
        ["module", step.module],
        ["made at", code(step.source)],
        ["result", `${shape(node)} ${node?.dtype ?? ""}`],
      ]),
    ];
    if (step.rule || step.latex) {
      const rule = element("div", { class: "rule", title: step.rule });
      const formula = this.run.formulas[step.latex];
      if (formula) rule.innerHTML = formula;
      else rule.textContent = step.rule;
      parts.push(rule);
    }
    if (step.note) parts.push(element("p", { class: "note" }, step.note));
    parts.push(element("h3", {}, "Cotangent that arrived"), array(step.cotangent));
    if (step.contributions.length) parts.push(element("h3", {}, "Contributions"));
    return [...parts, ...step.contributions.map((part) => this.contribution(part))];
  }

  contribution(part) {
    const node = this.nodes.get(part.parent);
    const waits = part.waiting ? `waits for ${part.waiting} more` : "complete";
    const axes = part.summed_axes;
    const summed = axes.length ? `, summed over ${axes.length > 1 ? "axes" : "axis"} ${axes.join(", ")}` : "";
    const values = part.before
      ? [figure("had", part.before), figure("is given", part.value), figure("has now", part.after)]
      : [figure("is given", part.value), ...(same(part.value, part.after) ? [] : [figure("has now", part.after)])];
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
    if (!node) return;
    this.groups.get(id)?.classList.add("chosen");
    const received = (this.history.get(id) ?? []).filter(([index]) => index < this.position);
    const own = this.run.steps.findIndex((step) => step.node === id);
    const gradient = received.at(-1)?.[1] ?? (own >= 0 && own < this.position ? this.run.steps[own].cotangent : null);
    const link = (other) => [this.link(this.nodes.get(other)), " "];
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
        ["its step", own < 0 ? "" : button(() => this.seek(own + 1), String(own + 1), undefined, { class: "link" })],
      ]),
      ...(node.value ? [element("h3", {}, "Value"), array(node.value)] : []),
      element("h3", {}, "Gradient so far"),
      gradient ? array(gradient) : element("p", {}, "Nothing has arrived yet."),
    );
    if (changed) {
      this.root.dispatchEvent(new CustomEvent("choose", { detail: { node: id } }));
      this.about.scrollIntoView({ block: "nearest" });
    }
  }
}

/** For each node, what its gradient was after which step. */
function histories(steps) {
  const found = new Map();
  steps.forEach((step, index) => {
    for (const part of step.contributions) {
      if (!found.has(part.parent)) found.set(part.parent, []);
      found.get(part.parent).push([index, part.after]);
    }
  });
  return found;
}

// words

function name(node) {
  if (!node) return "?";
  return node.name || `${node.op} ${node.id}`;
}

function describe(node) {
  if (!node) return "";
  return node.name ? `${node.name} (${node.op} ${node.id})` : `${node.op} ${node.id}`;
}

function shape(thing) {
  return thing?.shape ? `(${thing.shape.join(", ")}${thing.shape.length === 1 ? "," : ""})` : "";
}

function within(path, outer) {
  return path === outer || path.startsWith(`${outer}.`);
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

function array(summary) {
  if (!summary.count) return element("p", {}, "empty");
  if (summary.values !== undefined && summary.values !== null) return grids(summary.values);
  return element("div", { class: "large" }, ...(summary.thumbnail ? [thumbnail(summary)] : []), statistics(summary));
}

function figure(caption, summary) {
  return element("figure", {}, element("figcaption", {}, caption), array(summary));
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
  return Math.max(
    0,
    ...[values]
      .flat(Infinity)
      .filter((x) => typeof x === "number")
      .map(Math.abs),
  );
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

function legend() {
  const entry = (state, words) => element("span", { class: `key ${state}` }, words);
  return element(
    "p",
    { class: "legend" },
    entry("current", "this step"),
    entry("receiving", "is given"),
    entry("waiting", "has some, waits"),
    entry("done", "done"),
  );
}

function keyTable() {
  return facts(HELP.map(([keys, what]) => [element("kbd", {}, keys), what]));
}
