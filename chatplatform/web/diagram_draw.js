// Inside the frame: takes a source from the chat's page once, draws it, and tells how high it became.

const looks = document.createElement("style");
looks.textContent =
  "body{margin:8px;display:grid;justify-items:center;font-family:system-ui,sans-serif}svg{max-width:100%;height:auto}";
document.head.append(looks);

addEventListener("message", async (event) => {
  if (event.source !== parent || typeof event.data?.source !== "string") return;
  const { source, dark } = event.data;
  document.documentElement.style.colorScheme = dark ? "dark" : "light";
  try {
    mermaid.initialize({
      startOnLoad: false,
      securityLevel: "strict",
      theme: dark ? "dark" : "default",
      htmlLabels: false,
      flowchart: { htmlLabels: false },
      maxTextSize: 20000,
      maxEdges: 300,
      suppressErrorRendering: true,
      secure: ["secure", "securityLevel", "startOnLoad", "maxTextSize", "maxEdges", "htmlLabels", "suppressErrorRendering"],
    });
    const { svg } = await mermaid.render("diagram", source);
    const drawn = new DOMParser().parseFromString(svg, "text/html").querySelector("svg");
    document.body.replaceChildren(drawn);
    parent.postMessage({ height: drawn.getBoundingClientRect().height }, "*");
  } catch {
    parent.postMessage({ error: true }, "*");
  }
});
parent.postMessage("ready", "*");
