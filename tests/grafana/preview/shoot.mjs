// node shoot.mjs JOBS.json OUT: draws each job in Chromium and writes OUT/<name>.png. The page has no network.
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from 'playwright-core';

const [jobsFile, out] = process.argv.slice(2);
const built = path.join(import.meta.dirname, 'built');
const icons = path.join(import.meta.dirname, 'node_modules/@grafana/ui/dist/public'); // as Grafana serves them
const file = (name) => path.join(name.startsWith('/build/img/') ? icons : built, name.replace(/^\/build\//, ''));
const jobs = JSON.parse(await readFile(jobsFile, 'utf8'));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
const drawn = [];
let failed = 0;
try {
  const context = await browser.newContext({ deviceScaleFactor: 2, timezoneId: 'UTC' });
  const tab = await context.newPage();
  tab.on('pageerror', (error) => console.error(`    the page says: ${error.message}`));
  await tab.route('**', (route) => route.fulfill({ path: file(new URL(route.request().url()).pathname) }));
  await tab.goto('http://preview.invalid/page.html');
  for (const job of jobs) {
    try {
      await tab.setViewportSize({ width: job.width, height: job.height });
      const said = await tab.evaluate((one) => window.draw(one), job);
      const picture = path.join(out, `${job.name}.png`);
      await mkdir(path.dirname(picture), { recursive: true });
      await tab.locator('#panel').screenshot({ path: picture });
      drawn.push(job);
      console.log(`  ${job.name}.png${said.map((line) => `\n    ${line}`).join('')}`);
    } catch (error) {
      failed += 1;
      console.error(`  ${job.name}: ${error.message}`);
    }
  }
  for (const name of new Set(drawn.map((job) => job.board))) {
    const panels = drawn.filter((job) => job.board === name);
    await tab.setContent(await together(panels));
    const most = (edge, size) => 8 + Math.max(...panels.map((panel) => panel[edge] + panel[size]));
    await tab.setViewportSize({ width: most('left', 'width'), height: most('top', 'height') });
    await tab.screenshot({ path: path.join(out, `${name}.png`) });
    console.log(`  ${name}.png`);
  }
} finally {
  await browser.close();
}
process.exit(failed ? 1 : 0);

// A dashboard with the pictures of its panels where they stand.
async function together(panels) {
  const images = panels.map(async ({ name, left, top, width }) => {
    const picture = await readFile(path.join(out, `${name}.png`), 'base64');
    const place = `position: absolute; left: ${left}px; top: ${top}px; width: ${width}px`;
    return `<img style="${place}" src="data:image/png;base64,${picture}">`;
  });
  const canvas = { dark: '#111217', light: '#f4f5f5' }[panels[0].theme]; // colors.background.canvas
  return `<body style="background: ${canvas}">${(await Promise.all(images)).join('')}</body>`;
}
