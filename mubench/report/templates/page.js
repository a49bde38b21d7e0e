const METRICS = [{% for metric in metrics %}"{{ metric.name }}"{{ "," if not loop.last }}{% endfor %}];

function element(tag, text, className) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function list(pairs) {
  const made = document.createElement("dl");
  for (const [term, words] of pairs) made.append(element("dt", term), element("dd", words));
  return made;
}

function command(text) {
  const box = element("p", "", "command");
  const copy = element("button", "copy");
  copy.type = "button";
  copy.addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(text); copy.textContent = "copied"; } catch { copy.textContent = "select it by hand"; }
  });
  box.append(element("code", text), copy);
  return box;
}

function told(record, metric, open) {
  const box = document.createElement("details");
  box.open = open;
  const line = element("summary", "");
  if (metric in record.metrics) line.append(element("b", record.metrics[metric]));
  line.append(record.title + (record.status === "ok" ? "" : ` (${record.status})`));
  box.append(line);
  if (record.message) box.append(element("p", record.message));
  box.append(element("h3", "Run it again"), command(record.command));
  const given = new Set(record.given);
  const params = Object.entries(record.params).map(([k, v]) => [k, v + (given.has(k) ? " (set)" : "")]);
  const metrics = Object.entries(record.metrics);
  for (const [title, pairs] of [["Hyperparameters", params], ["Record", Object.entries(record.facts)], ["Metrics (fractions, seconds, MiB)", metrics]]) {
    if (pairs.length) box.append(element("h3", title), list(pairs));
  }
  return box;
}

const drawer = document.getElementById("drawer");
drawer.addEventListener("click", (event) => { if (event.target === drawer) drawer.close(); });

async function openDrawer(button) {
  const row = button.closest("tr"), at = button.closest("td").cellIndex - 1;
  const heading = button.closest("table").tHead.rows[0].cells[at + 1].textContent;
  document.getElementById("drawer-title").textContent = `${row.dataset.title} · ${heading}`;
  const body = document.getElementById("drawer-body");
  const ids = row.dataset.records.split(" ").filter(Boolean);
  body.replaceChildren(element("p", "…"));
  drawer.showModal();
  let records;
  try { records = await unpackJson("records"); } catch (error) {
    body.replaceChildren(element("p", `This browser cannot unpack the records (${error}); they lie beside the page in records.parquet.`));
    return;
  }
  const value = element("p", button.textContent, "drawn");
  ids.sort((a, b) => records[a].title.localeCompare(records[b].title, "en", { numeric: true }));
  body.replaceChildren(value, ...ids.map((id) => told(records[id], METRICS[at], ids.length === 1)));
}

function sortBy(button) {
  const head = button.closest("th"), table = head.closest("table");
  const descending = head.getAttribute("aria-sort") === "ascending";
  for (const other of table.querySelectorAll("th[aria-sort]")) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const key = (row) => row.cells[head.cellIndex].dataset.key;
  for (const body of table.querySelectorAll("tbody:not(.reference)")) {
    const rows = [...body.querySelectorAll("tr:not(.group)")];
    rows.sort((a, b) => (key(a) === "") - (key(b) === "") || (key(a) - key(b)) * (descending ? -1 : 1));
    body.append(...rows);
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.classList.contains("number")) openDrawer(button);
  if (button?.classList.contains("sort")) sortBy(button);
  // Where the page lies inside of another one, as in MLflow, addresses do not lead to its parts.
  const link = event.target.closest("a[href^='#cell-']");
  if (link) { event.preventDefault(); document.querySelector(link.getAttribute("href")).scrollIntoView(); }
});
