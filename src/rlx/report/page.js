// The page's own script: draws the charts with plotly.js, and keeps them in step with the controls beside them.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  let data = JSON.parse(byId("charts").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const fine = matchMedia("(pointer: fine)");
  let shading = null; // the window of training that a finding is about: {metric, first, last, title}

  // --- What the controls say ------------------------------------------------------------------------------------------

  const boxes = (name) => [...document.querySelectorAll(`input[name=${name}]`)];
  const ticked = (name) => new Set(boxes(name).filter((box) => box.checked).map((box) => box.value));
  const choice = () => ({
    metric: data.metrics.find((metric) => metric.key === byId("metric")?.value),
    runs: byId("metric") ? ticked("run") : new Set(Object.keys(data.looks)),
    seeds: byId("metric") ? ticked("seed") : null, // null: there are no controls, so all of them
    means: byId("means")?.checked ?? true,
    bands: byId("bands")?.checked ?? true,
  });
  const wanted = (chosen, seed) => chosen.seeds === null || chosen.seeds.has(String(seed));

  // --- How charts look ------------------------------------------------------------------------------------------------

  // plotly.js takes some HTML in texts; names that people typed are shown as they are.
  const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const short = (text, most = 26) => plain(text.length > most ? `${text.slice(0, most - 1)}…` : text);
  const colourOf = (run) => data.looks[run][dark.matches ? "dark" : "light"];
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);

  function layoutOf(height, extra) {
    const axis = { gridcolor: style("--line"), linecolor: style("--muted"), zeroline: false, automargin: true };
    return {
      height,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: style("--text"), size: 0.8 * rem(), family: "system-ui, sans-serif" },
      hoverlabel: { bgcolor: style("--panel"), bordercolor: style("--muted"), font: { color: style("--text") } },
      margin: { l: 10, r: 10, t: 10, b: 10 },
      showlegend: false,
      hovermode: "closest",
      dragmode: fine.matches ? "zoom" : false,
      ...extra,
      xaxis: { ...axis, ...extra.xaxis },
      yaxis: { ...axis, ...extra.yaxis },
    };
  }

  function draw(id, traces, layout) {
    if (byId(id)) Plotly.react(id, traces, layout, { displayModeBar: false, responsive: true, showSendToCloud: false });
  }

  function randomLine(value, axis) {
    const across = axis === "y" ? { xref: "paper", x0: 0, x1: 1, y0: value, y1: value } : { yref: "paper", y0: 0, y1: 1, x0: value, x1: value };
    return { type: "line", ...across, line: { color: style("--muted"), dash: "dot", width: 1.5 }, layer: "below" };
  }

  // --- Learning curves ------------------------------------------------------------------------------------------------

  function curveTraces(run, curve, chosen) {
    const shown = chosen.runs.has(run.run);
    const line = { color: colourOf(run.run), dash: data.looks[run.run].dash };
    const common = { x: curve.x, mode: curve.x.length > 1 ? "lines" : "markers", connectgaps: true };
    const traces = Object.entries(curve.seeds).map(([seed, y]) => ({
      ...common,
      y,
      name: `${run.run} seed ${seed}`,
      line: { ...line, width: 1.2 },
      opacity: 0.5,
      visible: shown && wanted(chosen, seed),
      meta: [plain(run.run), seed],
      hovertemplate: "%{meta[0]}, seed %{meta[1]}<br>%{y:.5~g} at step %{x:,d}<extra></extra>",
    }));
    const known = curve.x.map((_, index) => index).filter((index) => curve.low[index] !== null && curve.n[index] > 2); // of two seeds it covers everything
    const at = (values) => known.map((index) => values[index]);
    traces.push({
      x: [...at(curve.x), ...at(curve.x).reverse()],
      y: [...at(curve.high), ...at(curve.low).reverse()],
      name: `${run.run} interval`,
      mode: "lines",
      fill: "toself",
      fillcolor: line.color,
      line: { width: 0 },
      opacity: 0.16,
      hoverinfo: "skip",
      visible: shown && chosen.bands && known.length > 1,
    });
    traces.push({
      ...common,
      y: curve.mean,
      name: `${run.run} mean`,
      line: { ...line, width: 3 },
      visible: shown && chosen.means,
      meta: [plain(run.run)],
      customdata: curve.x.map((_, index) => [curve.low[index] ?? "—", curve.high[index] ?? "—", curve.n[index]]),
      hovertemplate:
        "%{meta[0]}, mean of %{customdata[2]} seeds<br>%{y:.5~g} at step %{x:,d}<br>95 % interval %{customdata[0]:.5~g} to %{customdata[1]:.5~g}<extra></extra>",
    });
    return traces;
  }

  function drawCurves(chosen) {
    data.curves.forEach((panel, index) => {
      const place = byId(`chart-curves-${index}`);
      if (!place) return; // somebody selects text where it is to stand
      const traces = panel.runs.flatMap((run) => {
        const curve = run.metrics[chosen.metric.key];
        return curve ? curveTraces(run, curve, chosen) : [];
      });
      const shapes = [];
      if (chosen.metric.is_return && panel.random !== null) shapes.push(randomLine(panel.random, "y"));
      if (shading && shading.first !== null) {
        const window = { x0: shading.first, x1: shading.last, yref: "paper", y0: 0, y1: 1 };
        shapes.push({ type: "rect", ...window, fillcolor: style("--open"), opacity: 0.18, line: { width: 0 }, layer: "below" });
      }
      const layout = layoutOf(Math.max(300, Math.min(0.5 * place.clientWidth, 34 * rem())), {
        shapes,
        uirevision: chosen.metric.key, // a zoom outlives the filter, not the metric
        xaxis: { title: { text: "environment steps" }, rangemode: "tozero" },
        yaxis: { title: { text: short(chosen.metric.title, 42) }, range: panel.ranges[chosen.metric.key], exponentformat: "power" },
      });
      draw(place.id, traces, layout);
    });
  }

  // --- Scores and differences -----------------------------------------------------------------------------------------

  const rows = (runs, text) => ({
    tickvals: runs.map((_, index) => index),
    ticktext: runs.map(text),
    range: [runs.length - 0.4, -0.6],
    fixedrange: true,
    showgrid: false,
  });
  function rangeOf(panel) {
    const values = panel.runs.flatMap((run) => [...Object.values(run.seeds), run.low, run.high]).concat(panel.random);
    const known = values.filter((value) => value !== null);
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const margin = 0.04 * (high - low || Math.abs(low) || 1);
    return [low - margin, high + margin];
  }

  const spread = (index) => (((index * 0.618034) % 1) - 0.5) * 0.44; // apart without chance: the golden ratio

  function meanTrace(run, row, colour, words) {
    const bar = run.low === null ? {} : { error_x: { type: "data", symmetric: false, array: [run.high - run.mean], arrayminus: [run.mean - run.low], thickness: 3, width: 0, color: colour } };
    return {
      x: [run.mean],
      y: [row],
      name: `${run.run} mean`,
      mode: "markers",
      marker: { symbol: "diamond", size: 13, color: colour, line: { color: style("--ground"), width: 1.5 } },
      ...bar,
      meta: [plain(run.run), plain(words)],
      hovertemplate: "%{meta[0]}<br>%{meta[1]}<extra></extra>",
    };
  }

  function drawScores(chosen) {
    data.scores.forEach((panel, place) => {
      const runs = panel.runs.filter((run) => chosen.runs.has(run.run));
      const traces = runs.flatMap((run, row) => {
        const seeds = Object.keys(run.seeds).filter((seed) => wanted(chosen, seed));
        const all = Object.keys(run.seeds);
        const dots = {
          x: seeds.map((seed) => run.seeds[seed]),
          y: seeds.map((seed) => row + spread(all.indexOf(seed))),
          name: `${run.run} seeds`,
          customdata: seeds,
          mode: "markers",
          marker: { size: 8, color: colourOf(run.run), opacity: 0.55 },
          meta: [plain(run.run)],
          hovertemplate: "%{meta[0]}, seed %{customdata}<br>%{x:.5~g}<extra></extra>",
        };
        return chosen.means ? [dots, meanTrace(run, row, colourOf(run.run), `mean ${run.words}`)] : [dots];
      });
      const layout = layoutOf(rem() * (4.5 + 3.4 * Math.max(1, runs.length)), {
        shapes: panel.random === null ? [] : [randomLine(panel.random, "x")],
        xaxis: { title: { text: "held-out return" }, range: rangeOf(panel) },
        yaxis: rows(runs, (run) => short(run.run)),
      });
      draw(`chart-scores-${place}`, traces, layout);
    });
  }

  function drawDifferences() {
    if (!data.differences) return;
    const { runs, minimum_effect: least } = data.differences;
    const traces = runs.map((run, row) => meanTrace(run, row, colourOf(run.run), `${run.words} against ${run.baseline}: ${run.verdict}`));
    const shapes = [{ type: "line", x0: 0, x1: 0, yref: "paper", y0: 0, y1: 1, line: { color: style("--text"), width: 1.5 }, layer: "below" }];
    if (least) {
      const band = { x0: -least, x1: least, yref: "paper", y0: 0, y1: 1 };
      shapes.push({ type: "rect", ...band, fillcolor: style("--muted"), opacity: 0.2, line: { width: 0 }, layer: "below" });
    }
    const layout = layoutOf(rem() * (4.5 + 3.4 * runs.length), {
      shapes,
      xaxis: { title: { text: "difference in mean return" } },
      yaxis: rows(runs, (run) => `${short(run.run)}<br>${plain(run.verdict)}`),
    });
    draw("chart-differences", traces, layout);
  }

  // --- The numbers behind the curves, for those who do not see them ---------------------------------------------------

  const shownNumber = (value) => (value === null ? "—" : value.toLocaleString("en", { maximumSignificantDigits: 4 }));

  function cell(kind, text, scope) {
    const made = document.createElement(kind);
    made.textContent = text;
    if (scope) made.scope = scope;
    else made.className = "n";
    return made;
  }

  function fillTable(chosen) {
    const place = byId("numbers");
    if (!place || !place.closest("details").open) return;
    const table = document.createElement("table");
    table.createCaption().textContent = chosen.metric.title;
    const head = table.createTHead().insertRow();
    ["run", "step", "mean", "low", "high", "seeds"].forEach((title) => head.append(cell("th", title, "col")));
    const body = table.createTBody();
    for (const run of data.curves.flatMap((panel) => panel.runs)) {
      const curve = run.metrics[chosen.metric.key];
      if (!curve || !chosen.runs.has(run.run)) continue;
      curve.x.forEach((x, index) => {
        const row = body.insertRow();
        row.append(cell("th", run.run, "row"));
        const values = [curve.mean[index], curve.low[index], curve.high[index]].map(shownNumber);
        [x.toLocaleString("en"), ...values, curve.n[index]].forEach((text) => row.append(cell("td", text)));
      });
    }
    place.replaceChildren(table);
  }

  // --- Keeping in step ------------------------------------------------------------------------------------------------

  function told(chosen) {
    const all = (name, count) => (count === boxes(name).length ? "all" : `${count} of ${boxes(name).length}`);
    const words = `${chosen.metric.title}: ${all("run", chosen.runs.size)} runs, ${all("seed", chosen.seeds.size)} seeds`;
    if (!shading) return `${words}.`;
    const window = shading.first === null ? "" : `; shaded: steps ${shading.first.toLocaleString("en")} to ${shading.last.toLocaleString("en")}`;
    return `${words}${window}; of the finding “${shading.title}” in ${shading.run}.`;
  }

  function refresh() {
    const chosen = choice();
    if (chosen.metric) {
      drawCurves(chosen);
      byId("meaning").textContent = chosen.metric.meaning && `${chosen.metric.key}: ${chosen.metric.meaning}.`;
      byId("shown").textContent = told(chosen);
      byId("whole").hidden = !shading;
      fillTable(chosen);
    }
    drawScores(chosen);
    drawDifferences();
  }

  function showFinding(button) {
    const { metric, run, title, first, last } = button.dataset;
    shading = { run, title, first: first ? Number(first) : null, last: last ? Number(last) : null };
    byId("metric").value = metric;
    boxes("run").forEach((box) => (box.checked = box.checked || box.value === run));
    refresh();
    byId("metric").focus({ preventScroll: true });
    byId("curves").scrollIntoView();
  }

  function setSeeds(on) {
    boxes("seed").forEach((box) => (box.checked = on));
    refresh();
  }

  // Controls come and go while a page is served, so the page listens for all of them.
  document.addEventListener("change", (event) => {
    if (event.target.matches("#metric")) shading = null;
    if (event.target.matches("#metric, #means, #bands, input[name=run], input[name=seed]")) refresh();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.metric) showFinding(button);
    if (button.dataset.copy) copyCommand(button);
    if (button.id === "all-seeds" || button.id === "no-seeds") setSeeds(button.id === "all-seeds");
    if (button.id === "whole") { shading = null; refresh(); byId("metric").focus(); }
  });
  document.addEventListener("toggle", (event) => {
    if (byId("numbers")?.closest("details") === event.target) fillTable(choice());
  }, true);
  document.addEventListener("rlx:charts", (event) => {
    data = event.detail;
    refresh();
  });

  // A page that is a file on the disk may not have the clipboard's interface, or wait for ever for a permission to use it;
  // copying the selection always works.
  function copyCommand(button) {
    const words = button.textContent, selection = getSelection();
    selection.selectAllChildren(button.previousElementSibling);
    if (!document.execCommand("copy")) navigator.clipboard?.writeText(button.dataset.copy);
    selection.removeAllRanges();
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = words), 2000);
  }

  // What is folded away on the screen belongs on paper.
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("details:not([open])")].filter((one) => !one.closest(".unprinted"));
    unfolded.forEach((one) => (one.open = true));
  });
  addEventListener("afterprint", () => unfolded.forEach((one) => (one.open = false)));

  dark.addEventListener("change", refresh);
  try {
    refresh();
  } catch (error) {
    document.documentElement.classList.add("static"); // pictures that do not move are better than none
    throw error;
  }
})();
