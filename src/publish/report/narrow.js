(function () {
  "use strict";
  var lists = Array.from(document.querySelectorAll("table.calls"));
  var bar = document.createElement("p");
  bar.className = "narrowed";
  bar.setAttribute("role", "status");
  var words = document.createElement("span");
  var button = document.createElement("button");
  button.textContent = document.body.dataset.all;
  bar.append(words, button);
  function narrow(wanted, lists) {
    lists.forEach(function (list) {
      Array.from(list.tBodies[0].rows).forEach(function (row) {
        var by = row.dataset.by.split(" ");
        row.hidden = !wanted.every(function (one) { return by.includes(one); });
      });
    });
  }
  button.addEventListener("click", function () { narrow([], lists); bar.remove(); });
  document.addEventListener("click", function (event) {
    var link = event.target.closest("a[data-narrow]");
    if (!link) return;
    var wanted = link.dataset.narrow ? link.dataset.narrow.split(" ") : [];
    var place = document.getElementById(link.hash.slice(1));
    if (!place) return;
    narrow([], lists);
    narrow(wanted, link.dataset.every === undefined
      ? lists.filter(function (list) { return "calls-" + list.dataset.hotline === place.id; }) : lists);
    words.textContent = wanted.join(", ");
    if (wanted.length) place.after(bar); else bar.remove();
  });
})();
