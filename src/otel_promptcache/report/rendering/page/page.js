"use strict";
(() => {
  const sortable = (table) => {
    const body = table.tBodies[0];
    const headers = [...table.tHead.rows[0].cells];
    const valueOf = (row, column) => {
      const cell = row.cells[column];
      return cell.dataset.value ?? cell.textContent;
    };
    const sort = (column, isNumber, direction) => {
      const rows = [...body.rows].map((row, index) => ({ row, index, value: valueOf(row, column) }));
      rows.sort((one, other) => {
        // Unknown values come last, whatever the direction.
        if (!one.value || !other.value) return !one.value - !other.value || one.index - other.index;
        const order = isNumber ? one.value - other.value : one.value.localeCompare(other.value, undefined, { numeric: true });
        return order * direction || one.index - other.index;
      });
      body.append(...rows.map(({ row }) => row));
    };
    headers.forEach((header, column) => {
      const isNumber = header.classList.contains("number");
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => {
        const before = header.getAttribute("aria-sort");
        const isAscending = before ? before === "descending" : !isNumber;
        headers.forEach((each) => each.removeAttribute("aria-sort"));
        header.setAttribute("aria-sort", isAscending ? "ascending" : "descending");
        sort(column, isNumber, isAscending ? 1 : -1);
      });
    });
  };

  const filtering = (box) => {
    const list = document.getElementById(box.dataset.for);
    const items = [...list.querySelectorAll(list.matches("tbody") ? "tr" : "li")];
    const texts = items.map((item) => item.textContent.toLowerCase());
    const input = box.querySelector("input");
    const status = box.querySelector("[role=status]");
    const details = list.querySelector("details");
    box.hidden = false;
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      items.forEach((item, index) => {
        item.hidden = !words.every((word) => texts[index].includes(word));
        if (!item.hidden) shown += 1;
      });
      if (details && words.length) details.open = true;
      status.textContent = words.length ? `${shown} of ${items.length}` : "";
    });
  };

  const copying = (button) => {
    const code = button.parentElement.querySelector("code");
    const status = button.parentElement.querySelector("[role=status]");
    const copySelection = () => {
      getSelection().selectAllChildren(code);
      return document.execCommand("copy");
    };
    button.hidden = false;
    button.addEventListener("click", async () => {
      let isCopied = true;
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        isCopied = copySelection();
      }
      status.textContent = isCopied ? "Copied" : "Selected; copy it with the keyboard";
      setTimeout(() => { status.textContent = ""; }, 3000);
    });
  };

  const hinting = (hint) => {
    const wide = hint.nextElementSibling;
    const look = () => { hint.style.display = wide.scrollWidth > wide.clientWidth + 1 ? "block" : "none"; };
    new ResizeObserver(look).observe(wide);
    look();
  };

  // Opens the element that hides the target of a link, before the browser goes there.
  const opening = (hash) => {
    const details = document.getElementById(hash.slice(1))?.closest("details");
    if (details) details.open = true;
  };

  document.querySelectorAll("table.sortable").forEach(sortable);
  document.querySelectorAll(".filter").forEach(filtering);
  document.querySelectorAll(".copy").forEach(copying);
  document.querySelectorAll(".hint").forEach(hinting);
  document.querySelectorAll(".links a").forEach((link) => link.addEventListener("click", () => opening(link.hash)));
  opening(location.hash);
})();
