// Tables that sort: a button in every heading, by keyboard too; what is empty stays at the end.
for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((head, column, heads) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...[...head.childNodes].filter(node => node.nodeName !== "SMALL"));
    head.prepend(button);
    head.setAttribute("aria-sort", "none");
    const value = row => row.cells[column]?.dataset.sort ?? row.cells[column]?.textContent.trim() ?? "";
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const turned = now === "ascending" ? "descending" : "ascending";
      const way = now === "none" ? head.dataset.first || "ascending" : turned;
      heads.forEach(other => other.setAttribute("aria-sort", other === head ? way : "none"));
      const sign = way === "ascending" ? 1 : -1;
      for (const body of table.tBodies) {
        const rows = [...body.rows].map(row => [row, value(row)]);
        rows.sort(([, one], [, other]) => {
          if (one === "" || other === "") return (one === "") - (other === "");
          const difference = Number(one) - Number(other);
          return sign * (isNaN(difference) ? one.localeCompare(other, "en", { numeric: true }) : difference);
        });
        body.append(...rows.map(([row]) => row));
      }
    });
  });
}
