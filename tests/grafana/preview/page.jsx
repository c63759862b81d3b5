// window.draw(job) draws one panel as Grafana would and resolves to words on what is wrong with it.
import {
  applyFieldOverrides,
  createTheme,
  dataFrameFromJSON,
  dateTime,
  FieldType,
  getFieldDisplayName,
  ThemeContext,
  transformDataFrame,
} from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { GlobalStyles, PanelChrome, TimeSeries } from '@grafana/ui';
import { useLayoutEffect } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { lastValueFrom } from 'rxjs';
import { registry, unknownOptions, withDefaults } from './options.js';

const root = createRoot(document.getElementById('panel'));

// job: {panel, frames: /api/ds/query's, annotations: [{time, timeEnd, color}], range: {from, to}, theme, width, height}
window.draw = async (job) => {
  await initPluginTranslations('grafana');
  const theme = createTheme({ colors: { mode: job.theme } });
  const drawn = await prepared(job, theme);
  flushSync(() => root.render(<Styles theme={theme} />));
  await Promise.all([400, 500].map((weight) => document.fonts.load(`${weight} 14px Inter`))); // a canvas does not wait
  flushSync(() =>
    root.render(
      <Styles theme={theme}>
        <PanelChrome title={job.panel.title} width={job.width} height={job.height}>
          {(width, height) => <Chart {...{ ...drawn, job, theme, width, height }} />}
        </PanelChrome>
      </Styles>
    )
  );
  for (let frame = 0; frame < 10; frame++) {
    await new Promise(requestAnimationFrame);
  }
  return complaints(job, drawn);
};

function Styles({ theme, children }) {
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      {children}
    </ThemeContext.Provider>
  );
}

async function prepared({ panel, frames, range }, theme) {
  const { options, fieldConfig } = withDefaults(panel);
  const raw = frames.map(dataFrameFromJSON);
  const transformed = await lastValueFrom(transformDataFrame(panel.transformations ?? [], raw));
  const timeZone = 'utc';
  const series = applyFieldOverrides({
    data: transformed,
    fieldConfig,
    fieldConfigRegistry: registry,
    replaceVariables,
    theme,
    timeZone,
  }).filter((frame) => [FieldType.time, FieldType.number].every((type) => frame.fields.some((f) => f.type === type)));
  const [from, to] = [dateTime(range.from), dateTime(range.to)];
  const timeRange = { from, to, raw: { from, to } };
  return { options, empty: fieldConfig.defaults.noValue ?? 'No data', series, timeZone, timeRange };
}

// The variables of a display name that depend on its field; the dashboard's own are filled in before.
function replaceVariables(text, scopedVars) {
  const field = scopedVars?.__dataContext?.value?.field;
  return text
    .replace(/\$\{__field\.labels\.(\w+)\}/g, (_, name) => field?.labels?.[name] ?? '')
    .replace(/\$\{__field\.name\}/g, () => field?.name ?? '');
}

function Chart({ series, empty, options, timeRange, timeZone, job, theme, width, height }) {
  if (!series.length) {
    return <div style={{ display: 'grid', placeContent: 'center', height }}>{empty}</div>;
  }
  return (
    <TimeSeries
      {...{ frames: series, structureRev: 1, timeRange, timeZone, width, height, legend: options.legend, options }}
    >
      {(config) => <Annotations config={config} annotations={job.annotations ?? []} theme={theme} />}
    </TimeSeries>
  );
}

// Regions with dashed edges, as the application's own plugin draws them.
function Annotations({ config, annotations, theme }) {
  useLayoutEffect(() => {
    config.addHook('draw', (u) => {
      const { left, top, width, height } = u.bbox;
      u.ctx.save();
      u.ctx.beginPath();
      u.ctx.rect(left, top, width, height);
      u.ctx.clip();
      for (const { time, timeEnd, color } of annotations) {
        const [from, to] = [time, timeEnd ?? time].map((at) => u.valToPos(at, 'x', true));
        const stroke = theme.visualization.getColorByName(color);
        u.ctx.strokeStyle = stroke;
        u.ctx.lineWidth = 2 * devicePixelRatio;
        u.ctx.setLineDash([5 * devicePixelRatio, 5 * devicePixelRatio]);
        for (const x of new Set([from, to])) {
          u.ctx.beginPath();
          u.ctx.moveTo(x, top);
          u.ctx.lineTo(x, top + height);
          u.ctx.stroke();
        }
        u.ctx.globalAlpha = 0.1;
        u.ctx.fillStyle = stroke;
        u.ctx.fillRect(from, top, to - from, height);
        u.ctx.globalAlpha = 1;
      }
      u.ctx.restore();
    });
  }, [config, annotations, theme]);
  return null;
}

function complaints({ panel }, { series }) {
  const said = unknownOptions(panel).map((id) => `unknown option ${id}`);
  const names = new Set(
    series.flatMap((frame) => frame.fields.flatMap((field) => [field.name, getFieldDisplayName(field, frame, series)]))
  );
  for (const field of series.flatMap((frame) => frame.fields)) {
    const below = field.config.custom?.fillBelowTo;
    if (below && !names.has(below)) {
      said.push(`${field.name} is filled down to ${below}, which is not there: it has ${[...names].join(', ')}`);
    }
  }
  return series.length ? said : [...said, 'no data'];
}
