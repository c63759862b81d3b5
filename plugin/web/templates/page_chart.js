// The chart of one series: it zooms by dragging and by its buttons, and goes back by a double click.
// Without this script the page shows the same as a picture.

const HEIGHT = 320;  // pixels
const STRIP = 5;  // pixels, of the marks at the edges
const MIN_STEPS = 4;  // that a zoom shows at least
const TIMEOUT = 15_000;  // milliseconds

const figure = document.getElementById("plot");
const hint = matchMedia("(hover: none)").matches ? "" : "Drag over a time to zoom in. A double click goes back.";
const area = figure.querySelector(".plot-area");
const reading = figure.querySelector(".reading");
const period = figure.querySelector(".period");

let chart = null;
let numbers = null;  // their format, with digits enough to tell the levels of the axis apart
let data = null;  // the latest answer
let range = null;  // what is shown, milliseconds
let earlier = [];  // ranges to go back to
let requests = 0;

const whole = () => [Number(figure.dataset.from), Number(figure.dataset.to)];
const colour = (name) => getComputedStyle(figure).getPropertyValue(name).trim();
const text = (number) => numbers.format(number) + data.unit;
const clock = (time) => `${new Date(time).toISOString().slice(0, 16).replace("T", " ")} UTC`;

async function load([start, end]) {
  const query = new URLSearchParams({
    from: Math.floor(start), to: Math.ceil(end), max_points: Math.min(1000, Math.max(100, figure.clientWidth))});
  const answer = await fetch(`${figure.dataset.source}?${query}`,
    {headers: {Accept: "application/json"}, signal: AbortSignal.timeout(TIMEOUT)});
  if (!answer.ok) throw new Error(`the service answers ${answer.status}`);
  return answer.json();
}

function numberFormat() {
  const largest = Math.max(Math.abs(data.low), Math.abs(data.high));
  const distance = data.high - data.low || largest || 1;
  const digits = 3 + Math.ceil(Math.log10(Math.max(largest / distance, 1)));
  return new Intl.NumberFormat("en", {maximumSignificantDigits: Math.min(Math.max(digits, 4), 15)});
}

function columns() {
  // In units of the axis. A band without a bound on one side reaches far beyond the edge.
  const beyond = 10 * (data.high - data.low || Math.abs(data.high) || 1);
  const scaled = (number) => number === null ? null : number / data.scale;
  const bound = (own, other, open) => own.map((number, i) =>
    scaled(number ?? (other[i] === null || data.expected[i] === null ? null : open)));
  return [
    data.time,
    bound(data.upper, data.lower, data.high + beyond),
    bound(data.lower, data.upper, data.low - beyond),
    data.expected.map(scaled),
    data.value.map(scaled),
    data.value.map((number, i) => data.score[i] > 1 ? scaled(number) : null),
  ];
}

function levels() {
  if (data.low === null) return [0, 1];
  const margin = 0.05 * (data.high - data.low) || Math.abs(data.high) || 1;
  return [(data.low - margin) / data.scale, (data.high + margin) / data.scale];
}

function paintMarks(plot) {
  const {ctx, bbox} = plot;
  const ratio = devicePixelRatio;
  const strip = STRIP * ratio;
  const x = (time) => plot.valToPos(time, "x", true);
  const fill = (mark, name, top, height) => {
    const left = Math.max(x(mark.time), bbox.left);
    ctx.fillStyle = colour(name);
    ctx.fillRect(left, top, Math.max(2 * ratio, Math.min(x(mark.time_end), bbox.left + bbox.width) - left), height);
  };
  const line = (time, name) => {
    ctx.strokeStyle = colour(name);
    ctx.lineWidth = ratio;
    ctx.setLineDash([4 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(x(time), bbox.top);
    ctx.lineTo(x(time), bbox.top + bbox.height);
    ctx.stroke();
  };
  const bottom = bbox.top + bbox.height - strip;
  const painters = {
    maintenance: (mark) => fill(mark, "--shade", bbox.top, bbox.height),
    alarm: (mark) => fill(mark, "--mark", bbox.top, bbox.height),
    incident: (mark) => fill(mark, "--alarm", bbox.top, strip),
    level: (mark) => { fill(mark, "--warm", bottom, strip); line(mark.time_end, "--warm"); },
    feedback: (mark) => fill(mark, "--act", bottom - strip, strip),
    change: (mark) => line(mark.time, "--ink"),
  };
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const [kind, paint] of Object.entries(painters))
    for (const mark of data.marks) if (mark.kind === kind && mark.time <= range[1] && mark.time_end >= range[0]) paint(mark);
  const ahead = data.value.findIndex((number, i) => number === null && data.expected[i] !== null);
  if (ahead >= 0) line(data.time[ahead], "--soft");
  ctx.restore();
}

function tell(plot) {
  // What lies under the pointer, in words.
  const i = plot.cursor.idx;
  if (i === null || i === undefined || data.expected[i] === null && data.value[i] === null) {
    reading.textContent = hint;
    return;
  }
  const number = (column) => column[i] === null ? null : text(column[i] / data.scale);
  const lower = number(data.lower), upper = number(data.upper);
  const band = lower && upper ? `${lower} to ${upper}` : lower ? `at least ${lower}` : upper ? `at most ${upper}` : "";
  const marks = data.marks.filter((mark) => mark.time <= data.time[i] && data.time[i] <= mark.time_end && mark.kind !== "alarm");
  reading.textContent = [
    `${clock(data.time[i])}: ${number(data.value) ?? "ahead"}`,
    band && `expected ${band}`,
    data.score[i] > 1 ? `outside, score ${numbers.format(data.score[i])}` : "",
    ...marks.map((mark) => `${mark.kind}: ${mark.text}`),
  ].filter(Boolean).join("; ");
}

function options() {
  const axis = {stroke: () => colour("--soft"), font: "12px system-ui, sans-serif",
    grid: {stroke: () => colour("--line"), width: 1}, ticks: {stroke: () => colour("--line"), width: 1}};
  const edge = {stroke: "transparent", width: 0, points: {show: false}};
  return {
    width: area.clientWidth, height: HEIGHT, ms: 1,
    tzDate: (time) => uPlot.tzDate(new Date(time), "Etc/UTC"),
    legend: {show: false},
    cursor: {y: false, drag: {x: true, y: false, setScale: false, dist: 5}, points: {size: 8},
      bind: {dblclick: () => () => { back(); return null; }}},
    scales: {x: {range: () => range}, y: {range: levels}},
    axes: [
      {...axis, values: moments},
      {...axis, values: (plot, splits) => splits.map((level) => level === null ? "" : text(level)),
        size: (plot, labels) => 20 + 7 * Math.max(...(labels ?? [""]).map((label) => label.length))},
    ],
    series: [
      {}, edge, edge,
      {stroke: () => colour("--soft"), width: 1, dash: [4, 4], points: {show: false}},
      {stroke: () => colour("--value"), width: 1.5, points: {size: 4, fill: () => colour("--value")}},
      {stroke: () => colour("--alarm"), paths: () => null, points: {show: true, size: 7, width: 0, fill: () => colour("--alarm")}},
    ],
    bands: [{series: [1, 2], fill: () => colour("--band")}],
    hooks: {drawClear: [paintMarks], setCursor: [tell], setSelect: [select]},
  };
}

function moments(plot, splits, index, space, step) {
  // Hours and minutes, and the date where a day begins.
  return splits.map((time, i) => {
    if (time === null) return "";
    const stamp = new Date(time).toISOString();
    if (step >= 86_400_000) return stamp.slice(5, 10);
    const hour = stamp.slice(11, step < 60_000 ? 19 : 16);
    return i === 0 || stamp.slice(11, 16) === "00:00" ? `${hour}\n${stamp.slice(5, 10)}` : hour;
  });
}

function select(plot) {
  const {left, width} = plot.select;
  if (width === 0) return;
  const ends = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
  plot.setSelect({left: 0, top: 0, width: 0, height: 0}, false);
  zoom(ends);
}

function inside([start, end]) {
  // The same range, moved and cut so that it lies in the whole.
  const [first, last] = whole();
  const least = MIN_STEPS * 1000 * (data?.step ?? 1);
  const length = Math.min(Math.max(end - start, least), last - first);
  const middle = (start + end) / 2;
  const begin = Math.min(Math.max(middle - length / 2, first), last - length);
  return [begin, begin + length];
}

const zoomed = () => range[1] - range[0] < whole()[1] - whole()[0] - 1;

function zoom(ends) {
  const target = inside(ends);
  if (target[0] === range[0] && target[1] === range[1]) return Promise.resolve();
  earlier.push(range);
  return show(target);
}

function back() {
  if (earlier.length === 0) return Promise.resolve();
  const target = earlier.pop();
  return show(earlier.length === 0 ? whole() : target);  // the whole may have moved on
}

async function show(target) {
  const request = ++requests;
  const margin = 1000 * (data?.step ?? 0);
  try {
    const answer = await load([target[0] - margin, target[1] + margin]);
    if (request !== requests) return;  // another range was asked for meanwhile
    data = answer;
    numbers = numberFormat();
    range = target;
    draw();
  } catch (error) {
    const reason = error instanceof TypeError || error.name === "TimeoutError" ? "the service does not answer" : error.message;
    (chart === null ? document.getElementById("refreshed") : reading).textContent = `The chart cannot be read: ${reason}.`;
  }
}

function draw() {
  if (chart === null) {
    figure.classList.add("live");
    chart = new uPlot(options(), columns(), area);
    new ResizeObserver(() => chart.setSize({width: area.clientWidth, height: HEIGHT})).observe(area);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.redraw());
    for (const button of figure.querySelectorAll("button")) button.addEventListener("click", () => actions[button.id]());
  } else {
    chart.setData(columns());
  }
  reading.textContent = hint;
  period.textContent = `${clock(range[0])} to ${clock(range[1])}`;
  for (const button of figure.querySelectorAll("button")) button.setAttribute("aria-disabled", !possible[button.id]());
}

function stretch(factor, shift) {
  // The range, longer by a factor and moved by a share of its length.
  const length = range[1] - range[0];
  const middle = (range[0] + range[1]) / 2 + shift * length;
  return zoom([middle - factor * length / 2, middle + factor * length / 2]);
}

const actions = {
  "zoom-in": () => stretch(0.5, 0),
  "zoom-out": () => stretch(2, 0),
  "zoom-earlier": () => stretch(1, -0.5),
  "zoom-later": () => stretch(1, 0.5),
  "zoom-back": back,
};
const possible = {
  "zoom-in": () => range[1] - range[0] > MIN_STEPS * 1000 * data.step,
  "zoom-out": zoomed,
  "zoom-earlier": () => range[0] > whole()[0],
  "zoom-later": () => range[1] < whole()[1],
  "zoom-back": () => earlier.length > 0,
};

document.addEventListener("refreshed", () => { if (earlier.length === 0) show(whole()); });
show(whole());
