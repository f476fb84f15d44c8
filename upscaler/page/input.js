// What people do in the viewer, by keys, mouse and fingers; viewer.js comes before.

const keys = {
  ArrowLeft: () => go(-1),
  ArrowRight: () => go(1),
  "+": () => zoomTo(camera.zoom * 1.5),
  "=": () => zoomTo(camera.zoom * 1.5),
  "-": () => zoomTo(camera.zoom / 1.5),
  0: () => ((camera.fitted = true), redraw()),
  1: () => zoomTo(1 / devicePixelRatio),
  b: () => ((view.smooth = !view.smooth), redraw()),
  o: () => ((view.alone = true), redraw()),
};

$("viewer").addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
  const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
  const act = event.shiftKey && step ? () => divide(view.cut + step) : keys[event.key.toLowerCase()] ?? keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
addEventListener("keyup", (event) => {
  if (event.key.toLowerCase() === "o") (view.alone = false), redraw();
});

const fingers = new Map();
let dividing = false;

const middle = () => {
  const all = [...fingers.values()];
  const x = all.reduce((sum, one) => sum + one.x, 0) / all.length;
  const y = all.reduce((sum, one) => sum + one.y, 0) / all.length;
  return { x, y, apart: all.length > 1 ? Math.hypot(all[0].x - all[1].x, all[0].y - all[1].y) : 0 };
};
const place = (event) => {
  const corner = stage.getBoundingClientRect();
  return { x: event.clientX - corner.left, y: event.clientY - corner.top };
};

stage.addEventListener("pointerdown", (event) => {
  if (event.button || event.target.closest("button, select")) return;
  stage.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, place(event));
  // a picture that is seen whole cannot be moved, so that any place moves the divider
  dividing = fingers.size === 1 && (event.target.id === "handle" || camera.fitted);
  if (dividing) divide(place(event).x / stage.clientWidth);
});
stage.addEventListener("pointermove", (event) => {
  if (!fingers.has(event.pointerId)) return;
  const before = middle();
  fingers.set(event.pointerId, place(event));
  const now = middle();
  if (dividing && fingers.size === 1) return divide(now.x / stage.clientWidth);
  dividing = false;
  if (before.apart && now.apart) zoomTo((camera.zoom * now.apart) / before.apart, now.x, now.y);
  if (!camera.fitted) pan(now.x - before.x, now.y - before.y);
});
for (const kind of ["pointerup", "pointercancel"]) {
  stage.addEventListener(kind, (event) => fingers.delete(event.pointerId));
}
stage.addEventListener("dblclick", (event) => {
  const at = place(event);
  if (event.target.closest("button, select")) return;
  if (camera.fitted) zoomTo(1 / devicePixelRatio, at.x, at.y);
  else keys[0]();
});
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  const at = place(event);
  const lines = event.deltaMode ? 24 : 1;
  zoomTo(camera.zoom * Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.002)), at.x, at.y);
}, { passive: false });

$("smooth").onclick = keys.b;
$("larger").onclick = keys["+"];
$("smaller").onclick = keys["-"];
$("whole").onclick = keys[0];
$("previous").onclick = keys.ArrowLeft;
$("next").onclick = keys.ArrowRight;
$("close").onclick = () => $("viewer").close();
$("divider").oninput = (event) => divide(event.target.value / 100);
$("viewer").addEventListener("close", () => {
  const left = view.entry?.index;
  view.entry = null;
  if (/^#\d+$/.test(location.hash)) location.replace("#all");
  cards.get(left)?.focus();
});

/** Offer these versions on both sides, the first one on the left and `right` on the other. */
function offer(columns, right = 1) {
  data.columns = columns;
  Object.assign(view, { left: 0, right });
  for (const side of ["left", "right"]) {
    const options = columns.map((name, column) => Object.assign(make("option", "", name), { value: column }));
    $(side).replaceChildren(...options);
    $(side).value = view[side];
    $(side).onchange = () => ((view[side] = Number($(side).value)), redraw());
  }
}

offer(data.columns);
new ResizeObserver(redraw).observe(stage);
addEventListener("hashchange", follow);
if (entries.length === 1 && !location.hash) open(entries[0]);
else follow();
