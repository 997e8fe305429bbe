for (const slider of document.querySelectorAll(".over-epochs input")) {
  const picture = slider.closest(".over-epochs").querySelector("img");
  const kept = picture.src, epochs = JSON.parse(slider.dataset.epochs);
  slider.addEventListener("input", () => {
    const [epoch, source] = epochs[slider.value] ?? ["", kept];
    picture.src = source;
    slider.previousElementSibling.textContent = epoch ? `epoch ${epoch}` : "by the weights that were kept";
  });
}
// A click on a column's head sorts by it, numbers by value; another click turns the order round.
for (const head of document.querySelectorAll(".sortable th")) {
  head.tabIndex = 0;
  const sort = () => {
    const table = head.closest("table"), falling = head.ariaSort !== "descending";
    const text = row => row.cells[head.cellIndex].textContent.replaceAll(",", "");
    const compare = (a, b) => parseFloat(a) - parseFloat(b) || a.localeCompare(b, undefined, {numeric: true});
    const rows = [...table.tBodies[0].rows].sort((one, other) => compare(text(one), text(other)));
    for (const other of head.parentNode.cells) other.ariaSort = "none";
    head.ariaSort = falling ? "descending" : "ascending";
    table.tBodies[0].append(...(falling ? rows.reverse() : rows));
  };
  head.addEventListener("click", sort);
  head.addEventListener("keydown", event => event.key === "Enter" && sort());
}
// The first row whose units cost least, at what the reader says that a unit of each column costs.
for (const costs of document.querySelectorAll(".costs")) {
  const table = costs.nextElementSibling.querySelector("table"), inputs = [...costs.querySelectorAll("input")];
  const heads = [...table.tHead.rows[0].cells].map(head => head.textContent);
  const number = (row, name) => Number(row.cells[heads.indexOf(name)].textContent.replaceAll(",", ""));
  const cost = row => inputs.reduce((sum, input) => sum + input.value * number(row, input.dataset.column), 0);
  const mark = () => {
    const rows = [...table.tBodies[0].rows], least = Math.min(...rows.map(cost));
    const first = rows.find(row => cost(row) === least);
    for (const row of rows) row.classList.toggle("least", row === first);
  };
  costs.addEventListener("input", mark);
  mark();
}
