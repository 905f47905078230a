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
