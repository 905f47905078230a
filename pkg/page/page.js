'use strict';
(() => {
  const SVG = 'http://www.w3.org/2000/svg';
  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.hidden = true;
  document.body.append(tip);

  // A series is shown or hidden by its entry in the legend.
  for (const key of document.querySelectorAll('.key')) {
    key.setAttribute('tabindex', '0');
    key.setAttribute('role', 'button');
    key.setAttribute('aria-pressed', 'true');
    const flip = () => {
      const off = key.classList.toggle('off');
      key.setAttribute('aria-pressed', String(!off));
      for (const series of key.closest('svg').querySelectorAll('.series')) {
        if (series.dataset.s === key.dataset.s) series.style.display = off ? 'none' : '';
      }
    };
    key.addEventListener('click', flip);
    key.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); flip(); }
    });
  }

  // A graph: larger and smaller, found by name, and what a node has above and below it.
  for (const graph of document.querySelectorAll('.graph')) {
    const sheet = graph.querySelector('.sheet'), svg = graph.querySelector('svg');
    const own = svg.viewBox.baseVal, nodes = [...svg.querySelectorAll('.node')], edges = [...svg.querySelectorAll('.edge')];
    let scale = 1;
    const zoom = (to) => {
      scale = Math.min(Math.max(to, 0.1), 4);
      svg.setAttribute('width', own.width * scale);
      svg.setAttribute('height', own.height * scale);
    };
    for (const button of graph.querySelectorAll('[data-zoom]')) {
      button.addEventListener('click', () => {
        zoom(button.dataset.zoom === 'fit' ? Math.min(1, fits) : scale * Number(button.dataset.zoom));
      });
    }
    const fits = (sheet.clientWidth - 2) / own.width;
    if (fits < 1 && fits > 0.8) zoom(fits);
    if (nodes.length) {
      const box = nodes[0].getBoundingClientRect(), frame = sheet.getBoundingClientRect();
      sheet.scrollLeft += box.left + box.width / 2 - frame.left - frame.width / 2;
    }
    const names = (edge, side) => edge.dataset[side].split('\n');
    const reach = (from, to, start) => {
      const seen = new Set([start]);
      for (let more = true; more;) {
        more = false;
        for (const edge of edges) {
          if (!names(edge, from).some((name) => seen.has(name))) continue;
          for (const name of names(edge, to)) {
            if (!seen.has(name)) { seen.add(name); more = true; }
          }
        }
      }
      return seen;
    };
    const show = (lit) => {
      for (const node of nodes) node.classList.toggle('dim', !!lit && !lit.has(node.dataset.name));
      for (const edge of edges) {
        const inside = !lit || names(edge, 'from').some((n) => lit.has(n)) && names(edge, 'to').some((n) => lit.has(n));
        edge.classList.toggle('dim', !inside);
      }
    };
    svg.addEventListener('click', (event) => {
      const node = event.target.closest('.node');
      if (!node) { show(null); return; }
      show(new Set([...reach('from', 'to', node.dataset.name), ...reach('to', 'from', node.dataset.name)]));
    });
    graph.querySelector('input').addEventListener('input', (event) => {
      const wanted = event.target.value.toLowerCase();
      const found = nodes.filter((node) => node.dataset.name.toLowerCase().includes(wanted));
      show(wanted ? new Set(found.map((node) => node.dataset.name)) : null);
      if (wanted && found.length) found[0].scrollIntoView({ block: 'nearest', inline: 'nearest' });
    });
  }

  const nearest = (xs, x) => {
    let best = -1;
    for (let i = 0; i < xs.length; i++) {
      if (best < 0 || Math.abs(xs[i] - x) < Math.abs(xs[best] - x)) best = i;
    }
    return best;
  };

  // The numbers under a pointer.
  for (const hover of document.querySelectorAll('.hover')) {
    const facts = JSON.parse(hover.dataset.facts);
    const svg = hover.closest('svg');
    const place = ([low, high, from, to], v) => from + (v - low) / (high - low) * (to - from);
    const clear = () => { tip.hidden = true; hover.replaceChildren(); };
    svg.addEventListener('pointerleave', clear);
    svg.addEventListener('pointermove', (event) => {
      const box = svg.getBoundingClientRect();
      const [low, high, from, to] = facts.x;
      const at = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
      const up = (event.clientY - box.top) / box.height * svg.viewBox.baseVal.height;
      if (at < from - 8 || at > to + 8 || up < facts.y[3] - 8 || up > facts.y[2] + 8) { clear(); return; }
      const wanted = low + (at - from) / (to - from) * (high - low);
      const shown = [];
      facts.series.forEach((series, s) => {
        const key = svg.querySelector('.key[data-s="' + s + '"]');
        if (!series.x || key && key.classList.contains('off')) return;
        const i = nearest(series.x, wanted);
        if (i >= 0) shown.push({ name: series.name, x: series.x[i], y: series.y[i], s });
      });
      if (!shown.length) { clear(); return; }
      const x = shown[nearest(shown.map((one) => one.x), wanted)].x;
      hover.replaceChildren();
      const line = document.createElementNS(SVG, 'path');
      line.setAttribute('d', 'M' + place(facts.x, x) + ',' + facts.y[3] + 'V' + facts.y[2]);
      line.style.cssText = 'stroke:var(--faint);stroke-dasharray:2 2';
      hover.append(line);
      const said = [facts.label + ': ' + (facts.names ? facts.names[x] : x)];
      for (const one of shown) {
        if (one.x !== x) continue;
        const dot = document.createElementNS(SVG, 'circle');
        dot.setAttribute('cx', place(facts.x, x));
        dot.setAttribute('cy', place(facts.y, one.y));
        dot.setAttribute('r', 4);
        dot.style.cssText = 'fill:var(--s' + one.s % 8 + ');stroke:var(--paper)';
        hover.append(dot);
        said.push((one.name ? one.name + ': ' : '') + one.y);
      }
      tip.textContent = said.join('\n');
      tip.hidden = false;
      const wide = tip.offsetWidth, right = event.clientX + 14;
      tip.style.left = Math.max(4, right + wide > innerWidth - 4 ? event.clientX - wide - 14 : right) + 'px';
      tip.style.top = Math.max(4, Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 4)) + 'px';
    });
  }
})();
