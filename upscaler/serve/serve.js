// A run, and the pictures that go through it; common.js comes before, and viewer.js, which shows one,
// after.

const entries = [];
const byId = new Map();
let shown = entries;

/** Ask the server; what it has against it is said on the page. */
async function ask(where, options) {
  const answer = await fetch(where, options);
  const found = await answer.json();
  if (answer.ok) return found;
  throw new Error(found.error);
}

const tell = (where, what) => ask(where, { method: "POST", body: JSON.stringify(what) });

// --- the pictures

function card(entry) {
  const item = make("li", "");
  const made = make("a", "card");
  made.href = `#${entry.index + 1}`;
  const thumb = make("span", "thumb");
  entry.image = Object.assign(make("img", ""), { loading: "lazy", decoding: "async", alt: "" });
  entry.image.onerror = () => (entry.image.hidden = true);
  entry.note = make("span", "note");
  thumb.append(entry.image);
  made.append(thumb, make("span", "name", entry.name), entry.note);
  item.append(made);
  cards.set(entry.index, made);
  mark(entry);
  return item;
}

const words = {
  done: (event) => `done in ${event.seconds.toFixed(2)} s`,
  skipped: () => "done",
  kept: () => "kept, as you changed it",
  failed: (event) => event.error,
  "failed-before": (event) => event.error,
  "large-enough": () => "large enough",
};

/** Show how a picture stands. */
function mark(entry) {
  if (!entry.note) return;
  const { event } = entry;
  entry.note.textContent = event ? words[event.status](event) : entry.made ? "done" : "to do";
  entry.note.className = `note ${event?.error ? "problem" : event || entry.made ? "ok" : ""}`;
  const where = entry.made ? `small/after/${entry.made}` : `small/before/${entry.id}`;
  const again = event?.status === "done" ? `?run=${watched.run}` : "";
  if (entry.image.getAttribute("src") !== where + again) {
    entry.image.hidden = false;
    entry.image.src = where + again;
  }
}

function fill() {
  shown = entries.filter(isFound);
  fillGrid(shown, card);
}

async function list() {
  for (const { id, name, made } of await ask("files")) {
    if (!byId.has(id)) {
      byId.set(id, { id, name, index: entries.length, versions: [], later });
      entries.push(byId.get(id));
    }
    byId.get(id).made = made;
  }
  fill();
}

/** Fetch what the viewer shows: the output, or if there is none what models would make of a part. */
async function fetchVersions(entry) {
  if (entry.made) {
    const found = await ask(`entry/${entry.id}`);
    offer(["before", "after"]);
    Object.assign(entry, { versions: found.versions, change: found.change, problem: found.problem });
    return;
  }
  const chosen = data.models.indexOf($("model").value) + 1;
  offer(["before", ...data.models.map((model) => `preview: ${model}`)], chosen);
  entry.versions = Array(data.models.length + 1).fill(null);
  entry.previewed = true;
  $("state").textContent = "computing a part of it …";
  await preview(entry, chosen);
}

/** Make a picture ready for the viewer. */
const later = (entry) =>
  fetchVersions(entry).catch((error) => {
    entry.versions = [];
    $("state").textContent = error.message;
  });

async function preview(entry, column) {
  const wanted = { id: entry.id, model: data.models[column - 1], scale: $("scale").value };
  const found = await tell("preview", wanted);
  entry.versions[0] ??= found.versions[0];
  entry.versions[column] = found.versions[1];
}

for (const side of ["left", "right"]) {
  $(side).addEventListener("change", async () => {
    const { entry } = view;
    const column = Number($(side).value);
    if (!entry?.previewed || entry.made || entry.versions[column]) return;
    await preview(entry, column).catch((error) => (entry.problem = error.message));
    if (view.entry === entry) facts(), redraw();
  });
}

// --- the run

const watched = { run: 0, since: 0, running: null };

/** Ask what has happened, again and again: another browser may have started the run. */
async function watch() {
  try {
    const now = await ask(`state?run=${watched.run}&since=${watched.since}`);
    if (now.run !== watched.run) entries.forEach((entry) => delete entry.event);
    Object.assign(watched, { run: now.run, since: now.at });
    for (const event of now.events) {
      const entry = byId.get(event.id);
      if (!entry) continue;
      Object.assign(entry, { event, made: event.made ?? entry.made });
      mark(entry);
    }
    progress(now);
  } catch {
    $("state").textContent = "the program has ended, or this page has lost it";
  }
  setTimeout(watch, document.hidden ? 3000 : 500);
}

function progress(now) {
  const all = Math.max(entries.length, now.at);
  const ended = entries.filter((entry) => entry.event);
  const failed = ended.filter((entry) => entry.event.error).length;
  const fresh = ended.filter((entry) => entry.event.status === "done").length;
  $("progress").max = Math.max(all, 1);
  $("progress").value = now.run ? now.at : entries.filter((entry) => entry.made).length;
  $("start").disabled = now.running || !entries.length;
  $("pause").disabled = !now.running || now.stopping;
  $("start").textContent = now.run && now.at < all && !now.running ? "Go on" : "Start";
  $("said").textContent = now.running ? "" : now.said.filter((line) => line.startsWith("Error:")).join("\n");
  if (watched.running !== now.running && !now.running && now.run) list();
  if (!now.run && watched.running !== null) return;
  watched.running = now.running;
  if (!now.run) {
    $("state").textContent = `${all} ${all === 1 ? "picture" : "pictures"}`;
    return;
  }
  const left = fresh ? ((all - now.at) * now.seconds) / fresh : 0;
  const parts = [`${now.at} of ${all}`];
  if (failed) parts.push(`${failed} failed`);
  if (now.stopping) parts.push("stopping; what is finished is kept");
  else if (now.running && left) parts.push(`about ${Math.ceil(left)} s left`);
  else if (!now.running) parts.push(now.at < all ? "paused" : `finished in ${now.seconds.toFixed(1)} s`);
  $("state").textContent = parts.join(" · ");
}

const failure = (error) => ($("said").textContent = error.message);

$("controls").onsubmit = (event) => {
  event.preventDefault();
  const [model, scale, format] = ["model", "scale", "format"].map((id) => $(id).value);
  tell("start", { model, scale, format, again: $("again").checked }).catch(failure);
};
$("pause").onclick = () => tell("pause", {}).catch(failure);
$("find").onsubmit = (event) => event.preventDefault();
$("filter").oninput = fill;

// --- pictures that are dropped

async function keep(files) {
  for (const file of files) {
    await ask(`drop?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file }).catch(failure);
  }
  await list();
}

addEventListener("dragover", (event) => (event.preventDefault(), document.body.classList.add("dropping")));
addEventListener("dragleave", () => document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  keep(event.dataTransfer.files);
});
$("choose").onchange = () => keep($("choose").files);

for (const [id, values, say] of [
  ["model", data.models, (value) => value],
  ["scale", data.scales, (value) => `${value}x`],
  ["format", data.formats, (value) => (value === "keep" ? "as it is" : value)],
]) {
  $(id).append(...values.map((value) => Object.assign(make("option", "", say(value)), { value })));
}
$("scale").value = "4";
$("summary").textContent = `Originals in ${data.source}; outputs go to ${data.output}`;
list().then(watch, failure);
