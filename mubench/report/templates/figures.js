let vega = null;

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

async function drawFigure(figure) {
  if (figure.dataset.drawn) return;
  figure.dataset.drawn = "begun";
  const plot = figure.querySelector(".plot");
  try {
    const [embed, specs] = await Promise.all([loadVega(), unpackJson("figures")]);
    // An interpreter in place of compiled expressions: the page forbids eval.
    await embed(plot.firstElementChild, specs[figure.dataset.figure], { mode: "vega-lite", renderer: "svg", actions: false, ast: true });
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

document.getElementById("print").addEventListener("click", async () => {
  for (const figure of drawings) if (!figure.closest("[hidden]")) await drawFigure(figure);
  window.print();
});
