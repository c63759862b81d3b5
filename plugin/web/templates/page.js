// Fetches the page again and puts its new content in place of the old. Scroll position, focus and opened details stay.
// Also copies texts.

const main = document.getElementById("main");
const notice = document.getElementById("refreshed");
const PATIENCE = 15000;  // ms for which an answer is waited for
let seconds = 0;  // from one refresh to the next; 0 = never
let timer = 0;
let isAsking = false;

function place(element) {
  // Where an element is found again in the new content.
  if (element === null || element === main || !main.contains(element)) return null;
  const name = element.getAttribute("href") ?? element.id;
  const same = [...main.querySelectorAll(element.tagName)].filter(
    (other) => (other.getAttribute("href") ?? other.id) === name);
  return {tag: element.tagName, name, index: same.indexOf(element)};
}

function placed(spot) {
  return [...main.querySelectorAll(spot.tag)].filter(
    (other) => (other.getAttribute("href") ?? other.id) === spot.name)[spot.index];
}

function show(page) {
  const spot = place(document.activeElement?.closest("details > summary")?.parentElement ?? document.activeElement);
  const opened = [...main.querySelectorAll("details[open]")].map((details) => details.id);
  const shifted = [...main.querySelectorAll(".scroll")].map((region) => region.scrollLeft);
  document.title = page.title;
  pace(page);
  for (const chart of main.querySelectorAll(".live[id]")) {  // a chart stays, and learns the new range
    const successor = page.getElementById(chart.id);
    if (successor === null) continue;
    Object.assign(chart.dataset, successor.dataset);
    successor.replaceWith(chart);
  }
  main.replaceChildren(...page.getElementById("main").childNodes);
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  main.querySelectorAll(".scroll").forEach((region, index) => { region.scrollLeft = shifted[index] ?? 0; });
  if (spot !== null) {
    const element = placed(spot);
    (element?.querySelector(":scope > summary") ?? element)?.focus({preventScroll: true});
  }
  document.dispatchEvent(new Event("refreshed"));
}

function pace(page) {
  // Refreshes as often as a page asks for, or never.
  const wish = Number(page.querySelector('meta[name="bandwatch-refresh"]')?.content ?? 0);
  if (wish === seconds) return;
  seconds = wish;
  clearInterval(timer);
  timer = seconds > 0 ? setInterval(refresh, seconds * 1000) : 0;
}

function isFilledIn() {
  // Whether someone has begun to fill in a form.
  return [...main.querySelectorAll("form input, form textarea")].some((field) => field.value !== field.defaultValue);
}

function offerCopies() {
  for (const button of main.querySelectorAll("[data-copy]")) button.hidden = false;
}

async function copy(event) {
  const button = event.target.closest("[data-copy]");
  if (button === null) return;
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy");  // over plain HTTP there is no clipboard
  }
  button.textContent = "Copied";
}

async function refresh() {
  // Nobody looks, or someone copies a text or fills in a form.
  if (seconds === 0 || isAsking || document.hidden || !getSelection().isCollapsed || isFilledIn()) return;
  isAsking = true;
  try {
    const answer = await fetch(location.href, {headers: {Accept: "text/html"}, signal: AbortSignal.timeout(PATIENCE)});
    if (answer.redirected) return location.assign(answer.url);  // the session is over: sign in
    if (!answer.ok) throw new Error(`the service answers ${answer.status}`);
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    if (notice.textContent !== "") notice.textContent = "";
  } catch (error) {
    const reason = error instanceof TypeError || error.name === "TimeoutError" ? "the service does not answer" : error.message;
    const text = `What you see is old: ${reason}. It is tried again every ${seconds} s.`;
    if (notice.textContent !== text) notice.textContent = text;
  } finally {
    isAsking = false;
  }
}

offerCopies();
document.addEventListener("click", copy);
document.addEventListener("refreshed", offerCopies);
document.addEventListener("visibilitychange", refresh);
pace(document);
