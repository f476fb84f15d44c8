"use strict";

// All pictures of the page; viewer.js, which follows, shows one.

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const entries = data.entries.map((entry, index) => ({ ...entry, index }));
const cards = new Map();
let shown = entries; // those in the grid, in its order

/** Make an element; what comes from files is text, never markup. */
function make(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function card(entry) {
  const any = entry.versions.some(Boolean);
  const made = make(any ? "a" : "div", "card");
  if (any) made.href = `#${entry.index + 1}`;
  const thumb = make("span", "thumb");
  if (entry.thumb) {
    const image = make("img", "");
    Object.assign(image, { loading: "lazy", decoding: "async", alt: "", src: entry.thumb });
    thumb.append(image);
  }
  const changed = entry.change === undefined ? "" : `changed by ${entry.change.toFixed(1)} %`;
  made.append(thumb, make("span", "name", entry.name));
  made.append(make("span", entry.problem ? "note problem" : "note", entry.problem || changed));
  const item = make("li", "");
  item.append(made);
  cards.set(entry.index, made);
  return item;
}

let filling = 0;

/** Show the chosen pictures: the first ones at once, others when there is time. */
function fill() {
  const wanted = $("filter").value.trim().toLowerCase();
  shown = entries.filter((entry) => entry.name.toLowerCase().includes(wanted));
  if ($("order").value === "change") {
    const rank = (entry) => (entry.problem ? Infinity : entry.change ?? -1);
    shown = shown.toSorted((a, b) => rank(b) - rank(a) || a.index - b.index);
  }
  const all = entries.length === 1 ? "1 picture" : `${entries.length} pictures`;
  $("count").textContent = wanted ? `${shown.length} of ${all}` : all;
  $("grid").replaceChildren();
  clearTimeout(filling);
  const more = (from, to) => {
    $("grid").append(...shown.slice(from, to).map(card));
    if (to < shown.length) filling = setTimeout(more, 0, to, to + 1000);
  };
  more(0, 100);
}

$("controls").onsubmit = (event) => event.preventDefault();
$("filter").oninput = fill;
$("order").onchange = fill;
$("summary").textContent = data.summary.join(" · ");
$("controls").hidden = entries.length < 2;
if (entries.every((entry) => entry.change === undefined)) $("order").value = "name";
fill();
