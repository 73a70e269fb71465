// Looks at a page from a frame around it, and writes what it finds where --dump-dom shows it.
"use strict";

function opened(page, width) {
  const frame = document.createElement("iframe");
  frame.style.cssText = `width:${width}px; height:800px; border:0`;
  return new Promise((resolve) => {
    frame.onload = () => resolve(frame);
    frame.srcdoc = page;
    document.body.append(frame);
  });
}

async function look(page, width, action) {
  let found;
  try {
    const frame = await opened(page, width);
    found = await action(frame.contentDocument, frame.contentWindow);
  } catch (error) {
    found = { error: String(error.stack || error) };
  }
  document.getElementById("found").textContent = `FOUND ${JSON.stringify(found)} END`;
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 100));

function geometry(page, view) {
  const root = page.documentElement;
  const isShown = (element) => element.getClientRects().length > 0;
  const blocks = [...page.querySelectorAll("p, li, h1, h2, h3, dt, dd, svg, button, input, .snippet, .wide")].filter(isShown);
  const tooWide = blocks.filter((each) => each.getBoundingClientRect().right > root.clientWidth + 1 && !each.closest("table, pre"));
  const texts = [...page.querySelectorAll("p, td, th, span, small, button, text")].filter((each) => isShown(each) && each.textContent.trim());
  const words = [...page.querySelectorAll("thead th")].flatMap(wordsOf);
  const wide = page.querySelector(".wide");
  return {
    width: root.clientWidth,
    overflow: root.scrollWidth - root.clientWidth,
    tooWide: tooWide.map((each) => `${each.tagName}: ${each.textContent.slice(0, 40)}`),
    headerWords: words.length,
    brokenHeaders: words.filter(({ lines }) => lines > 1).map(({ word }) => word),
    smallestFont: Math.min(...texts.map((each) => parseFloat(view.getComputedStyle(each).fontSize))),
    resources: view.performance.getEntriesByType("resource").length,
    flatSvg: [...page.querySelectorAll("svg:not(.meter)")].filter((each) => isShown(each) && each.getBoundingClientRect().height < 10).length,
    tableScrolls: wide.scrollWidth > wide.clientWidth + 1,
    hintIsVisible: isShown(page.querySelector(".hint")),
    firstColumn: page.querySelector("thead th").getBoundingClientRect().width,
  };
}

// The words of an element, and how many lines each of them spans.
function wordsOf(element) {
  const page = element.ownerDocument;
  const walker = page.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    for (const match of walker.currentNode.data.matchAll(/\S+/g)) {
      const range = page.createRange();
      range.setStart(walker.currentNode, match.index);
      range.setEnd(walker.currentNode, match.index + match[0].length);
      found.push({ word: match[0], lines: new Set([...range.getClientRects()].map((each) => Math.round(each.top))).size });
    }
  }
  return found;
}

function contrasts(page, view) {
  const colour = (text) => text.match(/[\d.]+/g).map(Number);
  const luminance = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((each) => {
      const share = each / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const found = colour(view.getComputedStyle(each).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const texts = [...page.querySelectorAll("h1, h2, h3, p, th, td, span, small, button, a, code, dt, text, summary")];
  return texts
    .filter((each) => each.getClientRects().length && [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .map((each) => {
      const style = view.getComputedStyle(each);
      const levels = [colour(each.tagName === "text" ? style.fill : style.color), behind(each)].map(luminance).sort((a, b) => b - a);
      return { text: each.textContent.slice(0, 40), ratio: (levels[0] + 0.05) / (levels[1] + 0.05) };
    });
}

function state(page) {
  const headers = [...page.querySelectorAll("thead th")];
  const rows = [...page.querySelectorAll("tbody tr")].filter((each) => each.getClientRects().length);
  return {
    sorted: Object.fromEntries(headers.filter((each) => each.hasAttribute("aria-sort")).map((each) => [each.textContent, each.getAttribute("aria-sort")])),
    names: rows.map((each) => each.querySelector(".name").textContent),
    last: [...page.querySelectorAll("tr")].at(-1).cells[0].textContent,
    status: page.querySelector(".filter [role=status]").textContent,
    headers: headers.length,
    buttons: page.querySelectorAll("thead th > button").length,
  };
}

function press(page, name) {
  [...page.querySelectorAll("thead button")].find((each) => each.textContent === name).click();
}

function type(page, target, text) {
  const input = page.querySelector(`.filter[data-for=${target}] input`);
  input.value = text;
  input.dispatchEvent(new Event("input"));
}

async function copied(page, view, hasClipboard) {
  // The text that would go to the clipboard, which a headless browser does not have.
  let text = null;
  const clipboard = { writeText: async (given) => { text = given; } };
  Object.defineProperty(view.navigator, "clipboard", { value: hasClipboard ? clipboard : undefined });
  page.execCommand = () => { text = view.getSelection().toString(); return true; };
  const button = page.querySelector(".copy");
  const wasHidden = button.hidden;
  button.click();
  await settled();
  return { text, wasHidden, status: button.parentElement.querySelector("[role=status]").textContent };
}

async function followed(page, view, hash) {
  const details = page.querySelector("details");
  const before = details.open;
  const target = page.querySelector(hash);
  const link = [...page.querySelectorAll("a")].find((each) => each.getAttribute("href") === hash);
  // A page inside a frame has no address of its own to navigate to.
  link.addEventListener("click", (event) => event.preventDefault());
  link.click();
  await settled();
  return { before, after: details.open && target.getClientRects().length > 0 };
}
