// Makes what the chart of a series loads: uPlot without what our chart does not use, and our own script,
// both minified. `npm ci && node build.mjs`; the outcome is part of the repository.

import {createHash} from "node:crypto";
import {readFileSync, writeFileSync} from "node:fs";
import {minify} from "terser";

const WEB = new URL("../../plugin/web/", import.meta.url);
const UPLOT = new URL("node_modules/uplot/", import.meta.url);
const SETTINGS = {ecma: 2020, mangle: true, compress: {passes: 3, unsafe: true, pure_getters: true}, format: {comments: false}};

const version = JSON.parse(readFileSync(new URL("package.json", UPLOT), "utf8")).version;

async function write(path, header, script, settings) {
  const {code} = await minify(script, {...SETTINGS, ...settings});
  writeFileSync(new URL(path, WEB), `/*! ${header} */\n${code}\n`);
  console.log(`${path} ${code.length} bytes`);
}

function core(source) {
  // What uPlot offers to others ends the file: bars, splines, steps and joins go, as nothing uses them.
  const end = source.indexOf("uPlot.assign = assign;");
  if (end < 0) throw new Error("uPlot has changed: its last lines begin otherwise");
  return `${source.slice(0, end)}
uPlot.tzDate = tzDate;
uPlot.paths = {points, linear};
globalThis.uPlot = uPlot;`
    // All our scales are linear, so what serves logarithmic ones goes, too.
    .replace(/\b(?:sc|wsc|scale)\.distr == [34]\b/g, "false")
    .replace(/(?<![.\w])distr == [34]\b/g, "false")
    .replace(/\bsc\.distr >= 3\b/g, "false");
}

await write("vendor/uplot/uPlot.core.min.js",
  `uPlot ${version}, (c) Leon Sorokin and others, MIT licence (LICENSE), without bars, splines, steps and logarithmic scales`,
  core(readFileSync(new URL("dist/uPlot.esm.js", UPLOT), "utf8")), {module: true, enclose: true});

const own = readFileSync(new URL("templates/page_chart.js", WEB), "utf8");
const digest = createHash("sha256").update(own).digest("hex");
await write("templates/page_chart.min.js", `of page_chart.js, SHA-256 ${digest}`, own, {module: true});
