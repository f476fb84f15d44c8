// All pictures of the page; common.js comes before, and viewer.js, which shows one, after.

const entries = data.entries.map((entry, index) => ({ ...entry, index }));
let shown = entries; // those in the grid, in its order

function card(entry) {
  const any = entry.versions.some(Boolean);
  const made = make(any ? "a" : "div", "card");
  if (any) made.href = `#${entry.index + 1}`;
  const thumb = make("span", "thumb");
  if (entry.thumb) {
    const image = make("img", "");
    Object.assign(image, { loading: "lazy", decoding: "async", alt: "", src: entry.thumb });
    thumb.append(image);
    made.append(thumb);
  }
  const changed = entry.change === undefined ? "" : `changed by ${entry.change.toFixed(1)} %`;
  made.append(make("span", "name", entry.name));
  made.append(make("span", entry.problem ? "note problem" : "note", entry.problem || changed));
  const item = make("li", "");
  item.append(made);
  cards.set(entry.index, made);
  return item;
}

/** Show the pictures that are wanted, in the order that is wanted. */
function fill() {
  shown = entries.filter(isFound);
  if ($("order").value === "change") {
    const rank = (entry) => (entry.problem ? Infinity : entry.change ?? -1);
    shown = shown.toSorted((a, b) => rank(b) - rank(a) || a.index - b.index);
  }
  const all = entries.length === 1 ? "1 picture" : `${entries.length} pictures`;
  $("count").textContent = shown.length < entries.length ? `${shown.length} of ${all}` : all;
  fillGrid(shown, card);
}

$("controls").onsubmit = (event) => event.preventDefault();
$("filter").oninput = fill;
$("order").onchange = fill;
$("summary").textContent = data.summary.join(" · ");
$("controls").hidden = entries.length < 2;
if (entries.every((entry) => entry.change === undefined)) $("order").value = "name";
fill();
