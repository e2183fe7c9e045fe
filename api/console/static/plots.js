// Plots of previews: smallest and largest sample of each stretch as a band, by uPlot; drag zooms, double click resets.
"use strict";
(() => {
  const COLOURS = {
    light: ["#0b6b6b", "#a8480b", "#5b46b0", "#9c1f5c", "#4a6a0a", "#16578f", "#7a5200", "#545b5d"],
    dark: ["#5fc4bf", "#f0a36b", "#b3a4f5", "#f08cbb", "#b3d46a", "#8ec4f5", "#eec36b", "#b3babb"],
  };
  const MOST = 8;
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const named = (part) => (part.unit ? `${part.name} / ${part.unit}` : part.name);

  function figure(value) {
    if (value === null || value === undefined) return "";
    const size = Math.abs(value);
    return size && (size >= 1e6 || size < 1e-3) ? value.toExponential(2).replace(/\.?0+e/, "e") : String(Number(value.toPrecision(6)));
  }
  const decades = (_plot, splits) => splits.map((value) => (value && Number.isInteger(Number(Math.log10(value).toFixed(9))) ? value : null));

  function bands(preview) {
    const colours = COLOURS[dark.matches ? "dark" : "light"];
    const series = [{ label: named(preview.x) }];
    const data = [preview.x.values];
    const filled = [];
    preview.signals.slice(0, MOST).forEach((signal, index) => {
      const stroke = colours[index % colours.length];
      const isLine = signal.min.every((value, at) => value === signal.max[at]);
      series.push({ label: named(signal), stroke, width: 1.25, signal: index });
      data.push(signal.max);
      if (isLine) return;
      series.push({ label: `${named(signal)}, smallest`, stroke, width: 0.5, signal: index });
      data.push(signal.min);
      filled.push({ series: [series.length - 2, series.length - 1], fill: `${stroke}40` });
    });
    return { series, data, filled };
  }

  function draw(place, preview) {
    const { series, data, filled } = bands(preview);
    const style = getComputedStyle(document.documentElement);
    const axis = { stroke: style.getPropertyValue("--text"), grid: { stroke: style.getPropertyValue("--line"), width: 1 }, ticks: { stroke: style.getPropertyValue("--line"), width: 1 } };
    place.replaceChildren();
    const isLogarithmic = place.dataset.scale === "log" && data.slice(1).every((row) => row.every((v) => v === null || v > 0));
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

  function addTools(place, preview, plot) {
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
      plot.setScale("x", { min: min + (max - min) * share, max: max + (max - min) * share });
    };
    const actions = [["Zoom in", zoom(0.5)], ["Zoom out", zoom(2)], ["Left", move(-0.3)], ["Right", move(0.3)], ["All", () => plot.setScale("x", { min: range()[0], max: range()[1] })]];
    for (const [label, act] of actions) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet";
      button.textContent = label;
      button.addEventListener("click", act);
      tools.append(button);
    }
    const note = document.createElement("span");
    note.className = "note";
    const shown = Math.min(MOST, preview.signals.length);
    note.textContent = `${preview.samples} samples` + (preview.signals_total > shown ? `, ${shown} of ${preview.signals_total} signals` : "");
    tools.append(note);
    place.after(signalChoice(preview, plot), tools);
  }

  // The signals as boxes to check, each with its values at the pointer: a legend for mouse and keyboard.
  function signalChoice(preview, plot) {
    const colours = COLOURS[dark.matches ? "dark" : "light"];
    const group = document.createElement("fieldset");
    group.className = "signals";
    const legend = document.createElement("legend");
    legend.className = "hidden";
    legend.textContent = "Signals";
    group.append(legend);
    const readings = [];
    preview.signals.slice(0, MOST).forEach((signal, index) => {
      const label = document.createElement("label");
      const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
      const name = Object.assign(document.createElement("span"), { textContent: named(signal) });
      const reading = Object.assign(document.createElement("output"), { textContent: "" });
      box.style.accentColor = name.style.color = colours[index % colours.length];
      box.addEventListener("change", () => {
        plot.series.forEach((series, at) => {
          if (series.signal === index) plot.setSeries(at, { show: box.checked });
        });
      });
      label.append(box, name, reading);
      group.append(label);
      readings.push([signal, reading]);
    });
    plot.over.addEventListener("mousemove", () => {
      const at = plot.cursor.idx;
      for (const [signal, reading] of readings) {
        const [least, most] = [figure(signal.min[at]), figure(signal.max[at])];
        reading.textContent = least === most ? most : `${least} to ${most}`;
      }
    });
    return group;
  }

  async function load(place) {
    place.dataset.drawn = "";
    const answer = await fetch(place.dataset.preview, { headers: { "HX-Request": "true" } });
    const text = await answer.text();
    if (!answer.ok) {
      place.textContent = new DOMParser().parseFromString(text, "text/html").body.textContent.trim();
      place.classList.replace("plot", "empty");
      return;
    }
    const preview = JSON.parse(text);
    addTools(place, preview, draw(place, preview));
  }

  function loadAll() {
    for (const place of document.querySelectorAll("[data-preview]:not([data-drawn])")) load(place);
  }
  document.addEventListener("DOMContentLoaded", loadAll);
  document.addEventListener("htmx:afterSwap", loadAll);
})();
