// window.draw(job) draws one panel as Grafana would and resolves to words on what is wrong with it.
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  createTheme,
  dataFrameFromJSON,
  dateTime,
  FieldType,
  getFieldDisplayName,
  ThemeContext,
  transformDataFrame,
} from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { GlobalStyles, PanelChrome } from '@grafana/ui';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { lastValueFrom } from 'rxjs';
import { unknownOptions, withDefaults } from './options.js';
import { KINDS } from './panels.jsx';

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
          {(width, height) => <Panel {...{ ...drawn, job, theme, width, height }} />}
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
  const { options, fieldConfig, fieldConfigRegistry } = withDefaults(panel);
  const raw = frames.map(dataFrameFromJSON);
  const transformed = await lastValueFrom(transformDataFrame(panel.transformations ?? [], raw));
  const timeZone = 'utc';
  const needed = panel.type === 'timeseries' ? [FieldType.time, FieldType.number] : [];
  const all = { data: transformed, fieldConfig, fieldConfigRegistry, replaceVariables, theme, timeZone };
  const series = applyFieldOverrides(all).filter(
    (frame) => frame.fields.length && needed.every((type) => frame.fields.some((field) => field.type === type))
  );
  cacheFieldDisplayNames(series); // as its tables do: the names that columns are renamed to
  const [from, to] = [dateTime(range.from), dateTime(range.to)];
  const timeRange = { from, to, raw: { from, to } };
  return { options, fieldConfig, series, timeZone, timeRange };
}

// The variables of a display name that depend on its field; the dashboard's own are filled in before.
function replaceVariables(text, scopedVars) {
  const field = scopedVars?.__dataContext?.value?.field;
  return text
    .replace(/\$\{__field\.labels\.(\w+)\}/g, (_, name) => field?.labels?.[name] ?? '')
    .replace(/\$\{__field\.name\}/g, () => field?.name ?? '');
}

function Panel({ series, fieldConfig, job, height, ...rest }) {
  if (!series.length && job.panel.type !== 'stat') {
    const said = fieldConfig.defaults.noValue ?? 'No data';
    return <div style={{ display: 'grid', placeContent: 'center', height }}>{said}</div>;
  }
  const Kind = KINDS[job.panel.type];
  const { annotations = [] } = job;
  return <Kind {...{ frames: series, fieldConfig, annotations, replaceVariables, height, ...rest }} />;
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
