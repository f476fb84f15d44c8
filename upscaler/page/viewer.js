// One picture, large, with a slider; page.js comes before, input.js after.

const stage = $("stage");
const canvas = $("canvas");
const view = { entry: null, left: 0, right: 1, smooth: true, cut: 0.5, alone: false };
const camera = { zoom: 1, x: 0.5, y: 0.5, fitted: true }; // zoom in CSS pixels a picture's pixel
const size = { width: 1, height: 1 }; // of the largest version, which the others are drawn as
const pictures = new Map(); // by address, the newest last

function picture(version) {
  if (!version) return null;
  let image = pictures.get(version.url);
  if (!image) {
    image = new Image();
    image.onload = image.onerror = redraw;
    image.src = version.url;
    if (pictures.size >= 8) pictures.delete(pictures.keys().next().value);
  }
  pictures.delete(version.url);
  pictures.set(version.url, image);
  return image;
}

let asked = false;

function redraw() {
  if (asked || !view.entry) return;
  asked = true;
  requestAnimationFrame(draw);
}

function draw() {
  asked = false;
  if (!view.entry) return;
  const ratio = devicePixelRatio;
  const [width, height] = [stage.clientWidth, stage.clientHeight];
  if (camera.fitted) Object.assign(camera, { zoom: fit(), x: 0.5, y: 0.5 });
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const cut = view.alone ? width : view.cut * width;
  paint(context, view.right, cut, width, ratio);
  paint(context, view.left, 0, cut, ratio);
  $("handle").style.left = `${cut}px`;
  $("whole").textContent = `${Math.round(camera.zoom * ratio * 100)} %`;
  say();
}

/** Paint one version between two places. */
function paint(context, column, from, to, ratio) {
  const version = view.entry.versions[column];
  const image = picture(version);
  if (!image?.naturalWidth || to <= from) return;
  const box = placed();
  context.save();
  context.beginPath();
  context.rect(from, 0, to - from, stage.clientHeight);
  context.clip();
  const seen = camera.zoom * ratio; // screen pixels a pixel of the largest version
  const own = seen * (size.width / version.width);
  const bicubic = column === 0 && view.smooth && own > 1;
  context.imageSmoothingQuality = "high";
  context.imageSmoothingEnabled = bicubic || own < (column === 0 ? 1 : 2);
  context.drawImage(image, box.left, box.top, box.width, box.height);
  if (bicubic) enlarge(context, image, box, Math.min(1, seen));
  context.restore();
}

const enlarged = { key: "", bitmap: null }; // the part in sight of one picture

/**
 * Draw what is in sight by the browser's bicubic filter, which a canvas does not use by itself.
 * It is enlarged to the size of the largest version, or of the screen where that has fewer pixels;
 * beyond that its pixels show as those of the others do.
 */
function enlarge(context, image, box, part) {
  const times = (size.width * part) / image.naturalWidth;
  const step = box.width / image.naturalWidth; // CSS pixels a pixel of the original
  const more = 3; // what the filter sees beyond an edge
  const left = Math.max(0, Math.floor(-box.left / step) - more);
  const top = Math.max(0, Math.floor(-box.top / step) - more);
  const right = Math.min(image.naturalWidth, Math.ceil((stage.clientWidth - box.left) / step) + more);
  const bottom = Math.min(image.naturalHeight, Math.ceil((stage.clientHeight - box.top) / step) + more);
  const [width, height] = [right - left, bottom - top];
  if (width < 1 || height < 1) return;
  const key = [left, top, width, height, times, image.src].join(" ");
  if (enlarged.key !== key) {
    Object.assign(enlarged, { key, bitmap: null });
    const resize = { resizeWidth: Math.round(width * times), resizeHeight: Math.round(height * times), resizeQuality: "high" };
    createImageBitmap(image, left, top, width, height, resize).then((bitmap) => {
      if (enlarged.key !== key) return;
      enlarged.bitmap = bitmap;
      redraw();
    });
  }
  if (!enlarged.bitmap) return;
  context.imageSmoothingEnabled = camera.zoom * devicePixelRatio < 2;
  context.drawImage(enlarged.bitmap, box.left + left * step, box.top + top * step, width * step, height * step);
}

function placed() {
  const width = size.width * camera.zoom;
  const height = size.height * camera.zoom;
  const whole = (place) => Math.round(place * devicePixelRatio) / devicePixelRatio; // no blur
  const left = whole(stage.clientWidth / 2 - camera.x * width);
  return { left, top: whole(stage.clientHeight / 2 - camera.y * height), width, height };
}

function fit() {
  const most = 4 / devicePixelRatio; // small ones are not blown up to the whole screen
  return Math.min(stage.clientWidth / size.width, stage.clientHeight / size.height, most);
}

/** Zoom around a place of the stage. */
function zoomTo(zoom, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
  const before = placed();
  const [at, down] = [(x - before.left) / before.width, (y - before.top) / before.height];
  camera.zoom = Math.min(Math.max(zoom, Math.min(fit(), 1 / devicePixelRatio)), 32);
  camera.fitted = Math.abs(camera.zoom / fit() - 1) < 0.001;
  camera.x = at - (x - stage.clientWidth / 2) / (size.width * camera.zoom);
  camera.y = down - (y - stage.clientHeight / 2) / (size.height * camera.zoom);
  keepInSight();
}

function pan(x, y) {
  camera.x -= x / (size.width * camera.zoom);
  camera.y -= y / (size.height * camera.zoom);
  camera.fitted = false;
  keepInSight();
}

function keepInSight() {
  camera.x = Math.min(Math.max(camera.x, 0), 1);
  camera.y = Math.min(Math.max(camera.y, 0), 1);
  redraw();
}

function divide(part) {
  view.cut = Math.min(Math.max(part, 0), 1);
  $("divider").value = Math.round(view.cut * 100);
  redraw();
}

/** Say what is seen, for those who do not see it, and what is in the way of seeing it. */
function say() {
  const names = [view.left, view.right].map((column) => data.columns[column]);
  canvas.setAttribute("aria-label", `${view.entry.name}: left ${names[0]}, right ${names[1]}`);
  $("smooth").textContent = view.smooth ? "bicubic" : "pixels";
  let words = "";
  for (const column of new Set([view.left, view.right])) {
    const image = picture(view.entry.versions[column]);
    if (!image) words = `${data.columns[column]}: ${view.entry.problem || (view.entry.previewed ? "computing …" : "not there")}`;
    else if (!image.complete) words = "loading …";
    else if (!image.naturalWidth) words = `${view.entry.versions[column].file} is not there`;
  }
  $("notice").replaceChildren(...(words ? [make("span", "", words)] : []));
}

// --- the facts beside it

function facts() {
  const parts = view.entry.problem ? [make("p", "problem", view.entry.problem)] : [];
  view.entry.versions.forEach((version, column) => {
    if (!version) return;
    const list = make("dl", "");
    for (const [name, value] of version.facts) list.append(make("dt", "", name), make("dd", "", value));
    parts.push(make("h3", "", data.columns[column]), list);
    parts.push(...(version.warnings ?? []).map((text) => make("p", "problem", text)));
  });
  if (view.entry.change !== undefined && data.columns.length === 2) {
    const words = `Made small again, it differs by ${view.entry.change.toFixed(1)}\u00a0% from the original.`;
    parts.push(make("p", "", words));
  }
  $("facts").replaceChildren(...parts);
}

function open(entry) {
  const fresh = view.entry === null;
  view.entry = entry;
  const there = entry.versions.filter(Boolean);
  Object.assign(size, there.reduce((a, b) => (b.width > a.width ? b : a)));
  if (fresh) divide(0.5);
  camera.fitted = true;
  $("name").textContent = entry.name;
  const place = shown.indexOf(entry) + 1;
  $("place").textContent = place ? `${place} of ${shown.length}` : "";
  if (!$("viewer").open) $("viewer").showModal();
  if (fresh) $("divider").focus({ focusVisible: false });
  facts();
  redraw();
}

/** Go to another picture, in the order of the grid, and fetch the one after it. */
function go(step) {
  const able = shown.filter((entry) => entry.later || entry.versions.some(Boolean));
  const at = able.indexOf(view.entry);
  const entry = able[(at + step + able.length) % able.length];
  if (!entry) return;
  location.replace(`#${entry.index + 1}`);
  able[at + 2 * step]?.versions.forEach(picture);
}

async function follow() {
  const entry = entries[Number(location.hash.slice(1)) - 1];
  if (entry?.later) await entry.later(entry);
  if (entry?.versions.some(Boolean)) return open(entry);
  if ($("viewer").open) $("viewer").close();
}
