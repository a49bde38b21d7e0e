let vega = null;

const INK = "{{ colors.ink }}", FAINT = "{{ colors.faint }}";

/** Vega is a megabyte of script: it is unpacked when the first figure comes near the view. */
function loadVega() {
  vega ??= unpack("vega").then((text) => {
    const script = document.createElement("script");
    script.textContent = text;
    document.head.append(script);
    return window.vegaEmbed;
  });
  return vega;
}

/** A specification; on screen in the theme's colours. */
async function specification(figure, onScreen) {
  const text = JSON.stringify((await unpackJson("figures"))[figure.dataset.figure]);
  return JSON.parse(onScreen ? text.replaceAll(INK, "currentColor").replaceAll(FAINT, "var(--rule)") : text);
}

// An interpreter in place of compiled expressions: the page forbids eval.
const OPTIONS = { mode: "vega-lite", renderer: "svg", actions: false, ast: true };

async function saveFigure(figure, kind) {
  const embed = await loadVega();
  const { view } = await embed(document.createElement("div"), await specification(figure, false), OPTIONS);
  const link = document.createElement("a");
  link.download = `${figure.className}-${figure.dataset.figure}.${kind}`;
  link.href = kind === "svg" ? URL.createObjectURL(new Blob([await view.toSVG()], { type: "image/svg+xml" })) : await view.toImageURL("png", 3);
  link.click();
}

async function drawFigure(figure) {
  if (figure.dataset.drawn) return;
  figure.dataset.drawn = "begun";
  const plot = figure.querySelector(".plot");
  try {
    const [embed, spec] = await Promise.all([loadVega(), specification(figure, true)]);
    await embed(plot.firstElementChild, spec, OPTIONS);
    figure.dataset.drawn = "done";
  } catch (error) {
    plot.textContent = `This figure cannot be drawn here (${error}).`;
    figure.dataset.drawn = "failed";
  }
}

const drawings = [...document.querySelectorAll("figure[data-figure]")];
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) { near.unobserve(entry.target); drawFigure(entry.target); }
}, { rootMargin: "300px" });
drawings.forEach((figure) => near.observe(figure));

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.save");
  if (button) saveFigure(button.closest("figure"), button.textContent.toLowerCase());
});

document.getElementById("print").addEventListener("click", async () => {
  for (const figure of drawings) if (!figure.closest("[hidden]")) await drawFigure(figure);
  window.print();
});
