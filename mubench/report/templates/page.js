"use strict";
const records = JSON.parse(document.getElementById("records").textContent);

function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function list(pairs) {
  const made = document.createElement("dl");
  for (const [term, words] of pairs) made.append(element("dt", term), element("dd", words));
  return made;
}

function short(value) {
  return typeof value === "number" ? Number(value.toPrecision(6)) : value;
}

function told(record, metric, open) {
  const box = document.createElement("details");
  box.open = open;
  const line = element("summary", record.title + (record.status === "ok" ? "" : ` (${record.status})`));
  const metrics = Object.entries(record.metrics).map(([k, v]) => [k, short(v)]);
  if (metric in record.metrics) line.append(element("b", short(record.metrics[metric])));
  box.append(line);
  if (record.message) box.append(element("p", record.message));
  const given = new Set(record.given);
  const params = Object.entries(record.params).map(([k, v]) => [k, v + (given.has(k) ? "  (set)" : "")]);
  for (const [title, pairs] of [["Record", Object.entries(record.facts)], ["Hyperparameters", params], ["Metrics (fractions, seconds, MiB)", metrics]]) {
    if (pairs.length) box.append(element("h3", title), list(pairs));
  }
  return box;
}

const drawer = document.getElementById("drawer");
drawer.addEventListener("click", (event) => { if (event.target === drawer) drawer.close(); });

function openDrawer(button) {
  const ids = button.dataset.records.split(" ");
  document.getElementById("drawer-title").textContent = button.dataset.title;
  const body = document.getElementById("drawer-body");
  body.replaceChildren(...ids.map((id) => told(records[id], button.dataset.metric, ids.length === 1)));
  drawer.showModal();
}

function sortBy(button) {
  const head = button.closest("th");
  const descending = head.getAttribute("aria-sort") === "ascending";
  const table = head.closest("table");
  for (const other of table.querySelectorAll("th[aria-sort]")) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const key = (row) => row.children[button.dataset.column].dataset.key;
  for (const body of table.querySelectorAll("tbody:not(.reference)")) {
    const rows = [...body.querySelectorAll("tr:not(.group)")];
    rows.sort((a, b) => (key(a) === "") - (key(b) === "") || (key(a) - key(b)) * (descending ? -1 : 1));
    body.append(...rows);
  }
}

for (const button of document.querySelectorAll(".number")) button.addEventListener("click", () => openDrawer(button));
for (const button of document.querySelectorAll(".sort")) button.addEventListener("click", () => sortBy(button));
