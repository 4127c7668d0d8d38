// The page keeps what the stream sends and draws it. Whatever is drawn goes in as text, never as markup.
"use strict";
(() => {
  const words = JSON.parse(document.getElementById("words").textContent);
  const FEED = 40, BACKLOG = 200, SILENCE_MS = 5000, NEWS_MS = 10000;
  const $ = (id) => document.getElementById(id);
  const kept = { get: (k) => { try { return localStorage.getItem(k); } catch { return null; } },
    set: (k, v) => { try { localStorage.setItem(k, v); } catch { /* the choice lasts as long as the page */ } } };

  let lang = document.documentElement.lang.slice(0, 2);
  if (words[kept.get("lang")] && !new URLSearchParams(location.search).has("lang")) lang = kept.get("lang");
  let state = null, alerts = [], feed = [], waiting = [], missed = 0, paused = false;
  let contact = "connecting", heard = 0, opened = null, chosen = null;
  let known = new Set(), newsAt = 0;

  const t = (key, values = {}) => (words[lang][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  // A number and what it counts stay on one line.
  const both = (text) => (text ? text[lang].replace(/ %/g, "\u00a0%").replace(/R\$ /g, "R$\u00a0") : "");
  const locale = () => (lang === "pt" ? "pt-BR" : "en");
  const number = (n, digits = 0) => new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(n);
  const clock = (ms) => new Intl.DateTimeFormat(locale(), { timeStyle: "medium", hour12: false, timeZone: "America/Sao_Paulo" }).format(ms);
  const duration = (us) => (us < 1e6 ? number(us / 1e3, us < 1e4 ? 1 : 0) + "\u00a0ms" : number(us / 1e6, 1) + "\u00a0s");
  const left = (ms) => (ms >= 7.2e6 ? number(Math.floor(ms / 3.6e6)) + " h" : number(Math.max(1, Math.floor(ms / 6e4))) + " min");

  function el(tag, className, text) {
    const e = document.createElement(tag);
    if (className) e.className = className;
    if (text !== undefined) e.textContent = text;
    return e;
  }
  function svg(tag, attributes) {
    const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    return e;
  }
  const chip = (outcome, text) => el("span", "chip " + (words.en[outcome] ? outcome : ""), text ?? t(outcome));

  // What is drawn.
  function draw() {
    for (const e of document.querySelectorAll("[data-word]")) set(e, t(e.dataset.word));
    document.documentElement.lang = locale();
    document.title = t("title");
    drawStatus();
    if (state) drawState();
    drawList($("queue"), alerts, alertRow);
    $("queue-empty").hidden = alerts.length > 0;
    $("queue-heads").hidden = alerts.length === 0;
    drawList($("feed"), feed, feedRow);
    $("feed-empty").hidden = feed.length > 0;
    $("missed").hidden = missed === 0;
    $("missed").textContent = t("missed", { n: number(missed) });
    if (opened) drawDetail(opened);
  }

  function drawStatus() {
    const faults = state ? state.faults : [];
    let look = "waiting", word = contact;
    if (contact === "live") {
      look = faults.length === 0 ? "well" : faults.some((f) => f.own) ? "out" : "ill";
      word = { well: "well", out: "out", ill: "faults" }[look];
    } else if (contact !== "connecting") look = "out";
    $("status").className = "status " + look;
    $("status-word").dataset.word = word;
    set($("status-word"), t(word));
    const shown = contact === "live" ? faults : [];
    const text = JSON.stringify([lang, shown]);
    if ($("faults").dataset.shown === text) return; // or it would be read aloud each second
    $("faults").dataset.shown = text;
    $("faults").replaceChildren(...shown.map((f) => {
      const li = el("li", "", both(f.text));
      if (f.detail) li.append(" ", el("small", "", "(" + f.detail + ")"));
      return li;
    }));
  }

  function set(e, text) { if (e.textContent !== text) e.textContent = text; }

  function drawState() {
    const s = state;
    set($("rate"), number(s.rate, s.rate < 10 ? 1 : 0));
    set($("rate-note"), t("rate_note", { n: number(s.given) }) + (s.standing ? t("standing_note", { n: number(s.standing) }) : ""));
    const top = Math.max(1, ...s.each);
    $("spark").firstElementChild.setAttribute("d", "M" + s.each.map((n, i) => i + " " + (15 - 14 * n / top)).join("L"));
    set($("latency"), s.given ? duration(s.p50_us) : "–");
    set($("latency-note"), s.given ? t("latency_note", { p99: duration(s.p99_us), worst: duration(s.worst_us) }) : t("none_yet"));
    set($("stopped"), both(s.stopped));
    set($("stopped-note"), t("stopped_note", { n: number(s.alerts), loss: both(s.stopped_loss) }));
    set($("risk"), both(s.at_risk));
    $("outcomes").replaceChildren(...["APPROVE", "REVIEW", "BLOCK", "REJECT"].map((o) => {
      const li = el("li");
      li.append(chip(o), el("span", "", number(s.outcomes[o] ?? 0)));
      return li;
    }));
    set($("queue-more"), s.alerts > alerts.length && alerts.length ? "(" + t("queue_more", { n: number(alerts.length), total: number(s.alerts) }) + ")" : "");
    const serving = s.models.map((m) => [t("model") + " " + t(m.role), m.version, m.challenger ? " (" + t("challenger") + ")" : ""]);
    serving.push([t("policy"), s.policy, ""]);
    $("serving").replaceChildren(...serving.flatMap(([what, version, note]) => [" · " + what + " ", el("code", "", version), note]));
    set($("pipeline"), s.pipeline.map((p) => t(p.name) + " " + number(p.count)).join(" · "));
  }

  // A row is made once per decision and language, so that focus and scrolling stay where they are.
  function drawList(list, decisions, row) {
    const had = list.contains(document.activeElement) ? document.activeElement.closest("li").dataset.id : null;
    const rows = new Map([...list.children].map((li) => [li.dataset.id, li]));
    const fresh = list.childElementCount > 0;
    const wanted = decisions.map((d) => {
      let li = rows.get(d.id);
      if (!li || li.dataset.lang !== lang) {
        const first = !li;
        li = el("li", first && fresh ? "fresh" : "");
        li.dataset.id = d.id;
        li.dataset.lang = lang;
        const b = el("button");
        b.type = "button";
        b.tabIndex = -1;
        b.addEventListener("click", () => { choose(list, d.id); open(d); });
        row(b, d);
        li.append(b);
      }
      const side = li.querySelector("[data-until]");
      if (side) set(side, Number(side.dataset.until) > Date.now() ? t("left", { time: left(side.dataset.until - Date.now()) }) : "");
      return li;
    });
    if (wanted.length !== list.children.length || wanted.some((li, i) => list.children[i] !== li)) list.replaceChildren(...wanted);
    mark();
    if (had !== null && !$("detail").open) focusRow(list, wanted.some((li) => li.dataset.id === had) ? had : wanted[0]?.dataset.id);
  }

  function alertRow(b, d) {
    const worth = el("span", "worth", d.expected ? both(d.expected) : t("unscored"));
    worth.dataset.label = t("expected");
    const chance = el("span", "side", both(d.chance));
    chance.dataset.label = t("head_chance");
    b.append(worth, chip(d.outcome), el("span", "sum", both(d.amount)), chance);
    const reason = el("span", "reason", d.reasons.length ? both(d.reasons[0]) + " " : "");
    if (d.until) {
      const until = el("span", "time");
      until.dataset.until = d.until;
      reason.append(until);
    }
    b.append(reason);
  }

  function feedRow(b, d) {
    b.append(el("span", "time", clock(d.at)), chip(d.outcome), el("span", "sum", both(d.amount)), el("span", "side", duration(d.took_us)));
    for (const r of d.reasons.slice(0, 2)) b.append(el("span", "reason", both(r)));
  }

  // Which row the keys are at.
  function choose(list, id) { chosen = { list, id }; mark(); }
  function mark() {
    for (const list of [$("queue"), $("feed")]) {
      const rows = [...list.children];
      const at = chosen && chosen.list === list ? rows.find((li) => li.dataset.id === chosen.id) : null;
      rows.forEach((li, i) => {
        li.setAttribute("aria-current", li === at ? "true" : "false");
        li.firstElementChild.tabIndex = (at ? li === at : i === 0) ? 0 : -1;
      });
    }
  }
  function focusRow(list, id) {
    const li = [...list.children].find((li) => li.dataset.id === id);
    if (li) { choose(list, id); li.firstElementChild.focus({ preventScroll: false }); } else list.focus();
  }
  function move(by) {
    const list = $("feed").contains(document.activeElement) ? $("feed") : $("queue");
    const rows = [...list.children];
    if (rows.length === 0) return;
    const at = chosen && chosen.list === list ? rows.findIndex((li) => li.dataset.id === chosen.id) : -1;
    focusRow(list, rows[Math.min(rows.length - 1, Math.max(0, at + by))].dataset.id);
  }

  // One decision, whole.
  function open(d) {
    opened = d;
    drawDetail(d);
    if (!$("detail").open) $("detail").showModal();
    $("detail").scrollTop = 0;
  }
  function drawDetail(d) {
    const title = el("h2");
    title.id = "detail-title";
    title.append(chip(d.outcome), " " + both(d.amount));
    const worth = d.expected ? t("chance", { chance: both(d.chance) }) + " × " + both(d.amount) + " = " + t("expected") + " " + both(d.expected) : t("unscored");
    const head = el("header");
    head.append(title, el("p", "small", t(d.direction)), el("p", "worth", worth));
    for (const key of ["missing", "provisional"]) if (d[key]) head.append(el("p", "note", t(key)));
    $("detail-body").replaceChildren(head,
      section("why", listOf("ol", d.reasons.map((r) => el("li", "", both(r))), "no_reason")),
      section("models_said", ...(d.scores.length ? d.scores.map(scoreOf) : [el("p", "", t("no_model"))])),
      section("rules", listOf("ul", d.rules.map(ruleOf), "no_rule")),
      section("facts", factsOf(d)));
  }
  function section(title, ...parts) {
    const e = el("section");
    e.append(el("h3", "", t(title)), ...parts);
    return e;
  }
  function listOf(tag, items, none) {
    if (items.length === 0) return el("p", "", t(none));
    const list = el(tag);
    list.append(...items);
    return list;
  }
  function scoreOf(s) {
    const box = el("div", "score");
    const head = el("p");
    const role = s.challenger ? t("would", { outcome: t(s.outcome) }) : t("decides");
    head.append(el("strong", "", t("model") + " " + t(s.role) + ": " + both(s.chance)), " ", el("code", "", s.role + "/" + s.version), " (" + role + ")");
    box.append(head);
    if (s.limits.length === 0) return box;
    // From one in a million to certainty, each power of ten as wide as the next.
    const x = (p) => 100 * Math.max(0, 1 + Math.log10(Math.max(p, 1e-6)) / 6);
    const bar = svg("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
    bar.append(svg("rect", { x: 0, y: 3, width: 100, height: 4 }), svg("rect", { class: "value", x: 0, y: 3, width: x(s.value), height: 4 }));
    for (const l of s.limits) bar.append(svg("line", { x1: x(l.value), x2: x(l.value), y1: 0, y2: 10, "vector-effect": "non-scaling-stroke" }));
    box.append(bar, el("p", "small", s.limits.map((l) => {
      const name = l.name.slice(l.name.indexOf("_") + 1);
      const known = words[lang]["limit_" + name];
      return t("limit", { name: known ?? name }) + " " + both(l.chance) + ": " + t(l.reached ? "reached" : "not_reached");
    }).join(" · ")));
    return box;
  }
  function ruleOf(r) {
    const li = el("li");
    li.append(chip(r.outcome), " ", el("code", "", r.id), r.lifted ? " (" + t("lifted") + ")" : "", r.basis ? el("div", "small", r.basis) : "");
    return li;
  }
  function factsOf(d) {
    const dl = el("dl");
    const fact = (name, value) => { const dd = el("dd"); dd.append(value); dl.append(el("dt", "", name), dd); };
    fact(t("decided_at"), clock(d.at));
    fact(t("took"), duration(d.took_us));
    if (d.until) fact(t("until"), clock(d.until));
    fact(t("policy"), el("code", "", d.policy));
    fact("EndToEndId", el("code", "", d.id));
    fact(t("ask"), el("code", "", "pixctl explain " + d.id));
    if (d.replay) dl.append(el("dt"), el("dd", "", t("replay_note")));
    return dl;
  }

  // What comes.
  let source = null;
  function connect() {
    source = new EventSource("events");
    const on = (name, f) => source.addEventListener(name, (e) => { heard = Date.now(); contact = "live"; f(JSON.parse(e.data)); });
    on("reset", (d) => { if (d.missed > 0) missed += d.missed; else { feed = []; waiting = []; } later(); });
    on("decisions", (list) => {
      waiting = list.filter(Boolean).reverse().concat(waiting).slice(0, BACKLOG);
      later();
    });
    on("state", (s) => { pending.state = s; later(); });
    on("alerts", (list) => { pending.alerts = list.filter(Boolean); later(); });
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) { contact = "down"; drawStatus(); return; }
      contact = "full"; // answered, and not with a stream
      drawStatus();
      setTimeout(connect, 5000);
    };
  }
  const pending = { state: null, alerts: null };
  let drawing = false;
  function later() {
    if (drawing) return;
    drawing = true;
    setTimeout(() => { drawing = false; take(); }, 50);
  }
  function take() {
    if (paused) { // but nobody is kept from a fault
      if (state && pending.state) state = { ...state, faults: pending.state.faults };
      drawStatus();
      return;
    }
    if (pending.state) state = pending.state;
    if (pending.alerts) { alerts = pending.alerts; tell(); }
    pending.state = pending.alerts = null;
    feed = waiting.concat(feed).slice(0, FEED);
    waiting = [];
    draw();
  }
  // News are few, so that whoever listens can listen.
  function tell() {
    const fresh = alerts.filter((d) => !known.has(d.id));
    if (known.size === 0) known = new Set(alerts.map((d) => d.id));
    else if (fresh.length && Date.now() - newsAt > NEWS_MS) {
      newsAt = Date.now();
      $("news").textContent = t("new_alerts", { n: number(fresh.length), text: t(fresh[0].outcome) + ", " + both(fresh[0].amount) });
      known = new Set(alerts.map((d) => d.id));
    }
  }
  setInterval(() => {
    if (contact === "live" && Date.now() - heard > SILENCE_MS) { contact = "down"; drawStatus(); }
  }, 1000);

  // Keys and buttons.
  function pause() {
    paused = !paused;
    $("paused").hidden = !paused;
    $("pause").setAttribute("aria-pressed", String(paused));
    $("pause").querySelector("span").dataset.word = paused ? "button_continue" : "button_pause";
    if (paused) draw(); else take();
  }
  function language() { lang = lang === "pt" ? "en" : "pt"; kept.set("lang", lang); draw(); }
  function theme(to) {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = document.documentElement.dataset.theme || (dark ? "dark" : "light");
    document.documentElement.dataset.theme = to ?? (now === "dark" ? "light" : "dark");
    kept.set("theme", document.documentElement.dataset.theme);
  }
  const help = () => $("keys").showModal();
  const keys = { j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1), p: pause, l: language, t: () => theme(), "?": help };
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || !Object.hasOwn(keys, e.key)) return;
    const modal = $("detail").open || $("keys").open;
    if (modal && !["p", "l", "t"].includes(e.key)) return;
    e.preventDefault();
    keys[e.key]();
  });
  for (const [id, f] of Object.entries({ pause, language, theme: () => theme(), help })) $(id).addEventListener("click", f);
  $("detail").addEventListener("close", () => { opened = null; if (chosen) focusRow(chosen.list, chosen.id); });
  if (["light", "dark"].includes(kept.get("theme"))) theme(kept.get("theme"));
  draw();
  connect();
})();
