"use strict";

// What all pages begin with.

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const cards = new Map(); // of the grid, by the place of their entry

/** Make an element; what comes from files is text, never markup. */
function make(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

let filling = 0;

/** Put a card for each entry into the grid: the first ones at once, others when there is time. */
function fillGrid(entries, card) {
  $("grid").replaceChildren();
  clearTimeout(filling);
  const more = (from, to) => {
    $("grid").append(...entries.slice(from, to).map(card));
    if (to < entries.length) filling = setTimeout(more, 0, to, to + 1000);
  };
  more(0, 100);
}

/** Whether the name of an entry has in it what was typed. */
const isFound = (entry) => entry.name.toLowerCase().includes($("filter").value.trim().toLowerCase());
