// Plots of previews: extremes of each stretch as a band, by uPlot; a filter over its input; signals in colours of labels, or
// labels alone as points.
"use strict";
(() => {
  const COLOURS = {
    light: ["#0b6b6b", "#a8480b", "#5b46b0", "#9c1f5c", "#4a6a0a", "#16578f", "#7a5200", "#545b5d"],
    dark: ["#5fc4bf", "#f0a36b", "#b3a4f5", "#f08cbb", "#b3d46a", "#8ec4f5", "#eec36b", "#b3babb"],
  };
  const MOST = 8; // signals that are shown at first
  const LONGEST = 5000; // characters of the names in one address
  const KEYS = { "+": "Zoom in", "=": "Zoom in", "-": "Zoom out", ArrowLeft: "Left", ArrowRight: "Right", 0: "All" };
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const named = (part) => (part.unit ? `${part.name} / ${part.unit}` : part.name);

  function figure(value) {
    if (value === null || value === undefined) return "";
    const size = Math.abs(value);
    return size && (size >= 1e6 || size < 1e-3) ? value.toExponential(2).replace(/\.?0+e/, "e") : String(Number(value.toPrecision(6)));
  }
  const decades = (_plot, splits) => splits.map((value) => (value && Number.isInteger(Number(Math.log10(value).toFixed(9))) ? value : null));

  // The extremes of another preview at the places of an axis: those of its stretches that begin before the next place.
  function extremesAt(places, values, least, most) {
    let at = 0;
    const found = { min: [], max: [] };
    for (let index = 0; index < places.length; index++) {
      while (at + 1 < values.length && values[at + 1] <= places[index]) at++;
      let end = at + 1;
      while (end < values.length && values[end] < (places[index + 1] ?? Infinity)) end++;
      const known = [...least.slice(at, end), ...most.slice(at, end)].filter((value) => value !== null);
      found.min.push(known.length ? Math.min(...known) : null);
      found.max.push(known.length ? Math.max(...known) : null);
    }
    return found;
  }

  // The signals of a plot by colour: each alone, the first ones shown, or where there are labels all those of one label.
  function groupsOf(preview, labels) {
    if (!labels) return preview.signals.map((signal, at) => ({ name: named(signal), signals: [signal], isShown: at < MOST }));
    const byLabel = new Map();
    preview.signals.forEach((signal, index) => byLabel.set(labels[index], [...(byLabel.get(labels[index]) ?? []), signal]));
    const clusters = [...byLabel].sort(([one], [other]) => one - other);
    return clusters.map(([label, signals]) => {
      const more = signals.length > MOST ? ` and ${signals.length - MOST} more` : "";
      return { name: `Cluster ${label}: ${signals.slice(0, MOST).map(named).join(", ")}${more}`, signals, isShown: true };
    });
  }

  // The series of uPlot: the extremes of each signal with a band between them, the input of a filter beneath the result.
  function bands(groups, preview, beneath) {
    const colours = COLOURS[dark.matches ? "dark" : "light"];
    const series = [{ label: named(preview.x) }];
    const data = [preview.x.values];
    const filled = [];
    function add(signal, group, { min, max }, isBeneath) {
      const colour = colours[group % colours.length];
      const stroke = isBeneath ? `${colour}60` : colour;
      const isLine = min.every((value, at) => value === max[at]);
      const { isShown: show } = groups[group];
      series.push({ label: named(signal), stroke, width: 1.25, group, isBeneath, show });
      data.push(max);
      if (isLine) return;
      series.push({ label: `${named(signal)}, smallest`, stroke, width: 0.5, group, isBeneath, show });
      data.push(min);
      filled.push({ series: [series.length - 2, series.length - 1], fill: `${colour}${isBeneath ? "25" : "40"}` });
    }
    for (const signal of beneath ? beneath.signals : []) {
      const group = groups.findIndex((each) => each.signals[0].name === signal.name);
      add(signal, group, extremesAt(preview.x.values, beneath.x.values, signal.min, signal.max), true);
    }
    groups.forEach(({ signals }, group) => signals.forEach((signal) => add(signal, group, signal, false)));
    return { series, data, filled };
  }

  // A channel without a signal has zeros, which a logarithmic scale leaves out.
  function isDrawnLogarithmic(rows) {
    return rows.every((row) => row.every((value) => value === null || value >= 0)) && rows.some((row) => row.some((value) => value > 0));
  }

  function draw(place, groups, preview, beneath) {
    const { series, data, filled } = bands(groups, preview, beneath);
    if (place.dataset.points) for (const each of series.slice(1)) Object.assign(each, { paths: () => null, points: { show: true, size: 6 } });
    const style = getComputedStyle(document.documentElement);
    const axis = { stroke: style.getPropertyValue("--text"), grid: { stroke: style.getPropertyValue("--line"), width: 1 }, ticks: { stroke: style.getPropertyValue("--line"), width: 1 } };
    place.replaceChildren();
    const isLogarithmic = place.dataset.scale === "log" && isDrawnLogarithmic(data.slice(1));
    if (isLogarithmic) for (let at = 1; at < data.length; at++) data[at] = data[at].map((value) => value || null);
    const upright = { ...axis, size: 70, values: (_plot, splits) => splits.map(figure) };
    if (isLogarithmic) Object.assign(upright, { filter: decades, grid: { ...axis.grid, filter: decades }, ticks: { ...axis.ticks, filter: decades } });
    const plot = new uPlot(
      {
        width: place.clientWidth, height: 320, series, bands: filled,
        scales: { x: { time: false }, y: { distr: isLogarithmic ? 3 : 1 } },
        axes: [{ ...axis, label: named(preview.x) }, upright],
        cursor: { drag: { x: true, y: false } },
        legend: { show: false },
      },
      data,
      place,
    );
    new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: 320 })).observe(place);
    return plot;
  }

  function addTools(place, groups, preview, plot, hasInput) {
    const tools = document.createElement("p");
    tools.className = "plot-tools";
    const range = () => [preview.x.values[0], preview.x.values.at(-1)];
    const zoom = (factor) => () => {
      const { min, max } = plot.scales.x;
      const half = ((max - min) * factor) / 2;
      const [first, last] = range();
      plot.setScale("x", { min: Math.max(first, (min + max) / 2 - half), max: Math.min(last, (min + max) / 2 + half) });
    };
    const move = (share) => () => {
      const { min, max } = plot.scales.x;
      const [first, last] = range();
      const way = Math.min(Math.max((max - min) * share, first - min), last - max);
      plot.setScale("x", { min: min + way, max: max + way });
    };
    const actions = { "Zoom in": zoom(0.5), "Zoom out": zoom(2), Left: move(-0.3), Right: move(0.3), All: () => plot.setScale("x", { min: range()[0], max: range()[1] }) };
    addKeys(place, actions);
    for (const [label, act] of Object.entries(actions)) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet";
      button.textContent = label;
      button.addEventListener("click", act);
      tools.append(button);
    }
    const note = document.createElement("span");
    note.className = "note";
    const shown = groups.reduce((number, { signals }) => number + signals.length, 0);
    note.textContent = `${preview.samples} samples` + (preview.signals_total > shown ? `, ${shown} of ${preview.signals_total} signals` : "");
    const keys = document.createElement("span");
    keys.className = "note keys";
    keys.textContent = "Keys: + - ← → 0";
    tools.append(note, keys);
    place.after(signalChoice(groups, plot, hasInput), tools);
  }

  // The plot takes the focus, and does by keys what the buttons do.
  function addKeys(place, actions) {
    place.tabIndex = 0;
    place.setAttribute("role", "group");
    place.setAttribute("aria-label", "Plot: plus and minus zoom, the arrows move, 0 shows all");
    place.addEventListener("keydown", (event) => {
      const act = actions[KEYS[event.key]];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act();
    });
  }

  // The groups as boxes to check, a signal alone with its values at the pointer: a legend for mouse and keyboard.
  function signalChoice(groups, plot, hasInput) {
    const colours = COLOURS[dark.matches ? "dark" : "light"];
    const group = document.createElement("fieldset");
    group.className = "signals";
    const legend = document.createElement("legend");
    legend.className = "hidden";
    legend.textContent = "Signals";
    group.append(legend);
    const readings = [];
    const boxes = [];
    const inputBox = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
    function show() {
      plot.series.forEach((series, at) => {
        const isShown = at === 0 || (boxes[series.group].checked && (inputBox.checked || !series.isBeneath));
        if (series.show !== isShown) plot.setSeries(at, { show: isShown });
      });
    }
    groups.forEach((shown, index) => {
      const label = document.createElement("label");
      const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: shown.isShown });
      const name = Object.assign(document.createElement("span"), { textContent: shown.name });
      const reading = Object.assign(document.createElement("output"), { textContent: "" });
      box.style.accentColor = name.style.color = colours[index % colours.length];
      box.addEventListener("change", show);
      boxes.push(box);
      label.append(box, name, reading);
      group.append(label);
      if (shown.signals.length === 1) readings.push([shown.signals[0], reading]);
    });
    if (hasInput) {
      const label = document.createElement("label");
      inputBox.addEventListener("change", show);
      label.append(inputBox, "Input");
      group.append(label);
    }
    plot.over.addEventListener("mousemove", () => {
      const at = plot.cursor.idx;
      for (const [signal, reading] of readings) {
        const [least, most] = [figure(signal.min[at]), figure(signal.max[at])];
        reading.textContent = least === most ? most : `${least} to ${most}`;
      }
    });
    return group;
  }

  function explain(place, sentence) {
    place.textContent = sentence;
    place.classList.replace("plot", "empty");
  }

  // The answer to a request for a preview, null where none arrives.
  const ask = (address) => fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);

  async function load(place) {
    place.dataset.drawn = "";
    const answer = await ask(place.dataset.preview);
    if (!answer) return explain(place, "The gateway does not answer: load the page again.");
    const text = await answer.text();
    if (!answer.ok) return explain(place, new DOMParser().parseFromString(text, "text/html").body.textContent.trim());
    const result = JSON.parse(text);
    const labelled = place.dataset.signals ? await loadLabelled(place.dataset.signals, result) : null;
    const beneath = place.dataset.beneath ? await loadBeneath(place.dataset.beneath, result) : null;
    if (labelled) delete place.dataset.points;
    const preview = labelled ?? result;
    const groups = groupsOf(preview, labelled && result.signals[0].min);
    addTools(place, groups, preview, draw(place, groups, preview, beneath), beneath !== null);
  }

  // The signals that labels are of, null where the gateway has no preview of them or has joined labels.
  async function loadLabelled(address, labels) {
    const answer = await ask(address);
    if (answer?.status !== 200) return null;
    const signals = await answer.json();
    return labels.samples === labels.x.values.length && labels.samples === signals.signals_total ? signals : null;
  }

  // The input of a filter: the same signals over the same axis, null where the gateway has no preview of it.
  async function loadBeneath(address, preview) {
    const names = preview.signals.map(({ name }) => `"${name.replaceAll('"', '""')}"`);
    while (names.join(",").length > LONGEST) names.pop();
    const answer = await ask(`${address}&signals=${encodeURIComponent(names.join(","))}`);
    if (answer?.status !== 200) return null;
    const beneath = await answer.json();
    return named(beneath.x) === named(preview.x) ? beneath : null;
  }

  function loadAll() {
    for (const place of document.querySelectorAll("[data-preview]:not([data-drawn])")) load(place);
  }
  document.addEventListener("DOMContentLoaded", loadAll);
  document.addEventListener("htmx:afterSwap", loadAll);
})();
