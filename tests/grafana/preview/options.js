// The options of each kind of panel, their defaults and transformations, as Grafana 12.4's application registers them.
// Its packages hold the code that applies options; which ones a panel has is known to the application alone.
// Source: public/app/plugins/panel/*/module.tsx and features/transformers/configFromQuery of grafana/grafana.
import {
  FieldConfigOptionsRegistry,
  FieldType,
  getFieldDisplayName,
  getFieldMatcher,
  getPanelOptionsWithDefaults,
  ReducerID,
  reduceField,
  standardTransformers,
  standardTransformersRegistry,
} from '@grafana/data';
import { map } from 'rxjs/operators';

// Option -> default; undefined = none.
const STANDARD = {
  color: { mode: 'palette-classic' },
  decimals: undefined,
  displayName: undefined,
  fieldMinMax: undefined,
  filterable: undefined,
  links: undefined,
  mappings: [],
  max: undefined,
  min: undefined,
  noValue: undefined,
  thresholds: { mode: 'absolute', steps: [{ value: -Infinity, color: 'green' }, { value: 80, color: 'red' }] },
  unit: undefined,
};
const GRAPH = {
  axisBorderShow: false,
  axisCenteredZero: false,
  axisColorMode: 'text',
  axisGridShow: undefined,
  axisLabel: '',
  axisPlacement: 'auto',
  axisSoftMax: undefined,
  axisSoftMin: undefined,
  axisWidth: undefined,
  barAlignment: 0,
  barWidthFactor: 0.6,
  drawStyle: 'line',
  fillBelowTo: undefined,
  fillOpacity: 0,
  gradientMode: 'none',
  hideFrom: { tooltip: false, viz: false, legend: false },
  insertNulls: false,
  lineInterpolation: 'linear',
  lineStyle: undefined,
  lineWidth: 1,
  pointSize: 5,
  scaleDistribution: { type: 'linear' },
  showPoints: 'auto',
  showValues: false,
  spanNulls: false,
  stacking: { mode: 'none', group: 'A' },
  thresholdsStyle: { mode: 'off' },
  transform: undefined,
};
const TABLE = {
  align: 'auto',
  cellOptions: { type: 'auto' },
  filterable: undefined,
  footer: undefined,
  hideFrom: undefined,
  inspect: false,
  minWidth: undefined,
  tooltip: undefined,
  width: undefined,
  wrapHeaderText: false,
  wrapText: false,
};
const REDUCED = { reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false }, orientation: 'auto', text: {} };

function option(kind, path, defaultValue, isCustom) {
  const number = (field) => field.type === FieldType.number || kind !== 'timeseries';
  return {
    id: isCustom ? `custom.${path}` : path,
    path,
    name: path,
    isCustom,
    defaultValue,
    process: path === 'displayName' ? expanded : (value) => value,
    shouldApply: isCustom ? number : () => true,
  };
}

function expanded(value, { field, replaceVariables }) {
  delete field.state.displayName;
  return value && replaceVariables(value, field.state.scopedVars);
}

function plugin(kind, custom, defaults) {
  const standard = { ...STANDARD, color: { mode: kind === 'timeseries' ? 'palette-classic' : 'thresholds' } };
  const fieldConfigRegistry = new FieldConfigOptionsRegistry(() => [
    ...Object.entries(custom).map(([path, value]) => option(kind, path, value, true)),
    ...Object.entries(standard).map(([path, value]) => option(kind, path, value, false)),
  ]);
  return { defaults, fieldConfigDefaults: { defaults: { ...standard, custom }, overrides: [] }, fieldConfigRegistry };
}

const PLUGINS = {
  timeseries: plugin('timeseries', GRAPH, {
    legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
    tooltip: { mode: 'single', sort: 'none' },
  }),
  table: plugin('table', TABLE, { cellHeight: 'sm', showHeader: true }),
  stat: plugin('stat', {}, {
    ...REDUCED,
    colorMode: 'value',
    graphMode: 'area',
    justifyMode: 'auto',
    textMode: 'auto',
    wideLayout: true,
  }),
  bargauge: plugin('bargauge', {}, {
    ...REDUCED,
    displayMode: 'gradient',
    maxVizHeight: 300,
    minVizHeight: 16,
    minVizWidth: 8,
    namePlacement: 'auto',
    showUnfilled: true,
    sizing: 'auto',
    valueMode: 'color',
  }),
};

// A panel's {options, fieldConfig, fieldConfigRegistry} with what it leaves to Grafana filled in; options that do not
// exist are dropped.
export function withDefaults(panel) {
  const { options, fieldConfig } = structuredClone(panel);
  const plugin = PLUGINS[panel.type];
  wrappedByField(fieldConfig);
  const filled = getPanelOptionsWithDefaults({
    plugin,
    currentOptions: options,
    currentFieldConfig: fieldConfig,
    isAfterPluginChange: false,
  });
  return { ...filled, fieldConfigRegistry: plugin.fieldConfigRegistry };
}

// What the table panel does on loading: up to 12.1, whether words wrap is an option of the cell, then of the field.
function wrappedByField({ overrides }) {
  for (const { properties } of overrides) {
    const cell = properties.find((property) => property.id === 'custom.cellOptions');
    if (cell?.value.wrapText) {
      delete cell.value.wrapText;
      properties.push({ id: 'custom.wrapText', value: true });
    }
  }
}

// Options that the panel sets and Grafana does not know: it would ignore them without a word.
export function unknownOptions({ type, fieldConfig = {} }) {
  const registry = PLUGINS[type].fieldConfigRegistry;
  const { custom = {}, ...standard } = fieldConfig.defaults ?? {};
  const set = [
    ...Object.keys(standard),
    ...Object.keys(custom).map((path) => `custom.${path}`),
    ...(fieldConfig.overrides ?? []).flatMap((override) => override.properties.map((property) => property.id)),
  ];
  return set.filter((id) => !registry.getIfExists(id) && id !== 'description');
}

// Takes settings such as the unit from the frame of another query.
const configFromData = {
  id: 'configFromData',
  name: 'Config from query results',
  operator: (options) => (source) => source.pipe(map((frames) => configured(frames, options))),
};

function configured(frames, { configRefId = 'config', mappings = [], applyTo = { id: 'numeric' } }) {
  const settings = frames.find((frame) => frame.refId === configRefId);
  if (!settings) {
    return frames;
  }
  const config = {};
  for (const field of settings.fields) {
    const name = getFieldDisplayName(field, settings);
    const mapping = mappings.find((one) => one.fieldName === name);
    const key = mapping ? mapping.handlerKey : name.toLowerCase();
    const reducer = mapping?.reducerId ?? ReducerID.lastNotNull;
    const value = reduceField({ field, reducers: [reducer] })[reducer];
    if (value != null && ['unit', 'displayName'].includes(key)) {
      config[key] = String(value);
    } else if (value != null && ['min', 'max', 'decimals'].includes(key) && !Number.isNaN(Number(value))) {
      config[key] = Number(value);
    }
  }
  const matches = getFieldMatcher(applyTo);
  return frames
    .filter((frame) => frame !== settings || frames.length === 1)
    .map((frame) => ({
      length: frame.length, // neither name nor refId: Grafana drops them here
      fields: frame.fields.map((field) =>
        matches(field, frame, frames) ? { ...field, config: { ...field.config, ...config } } : field
      ),
    }));
}

standardTransformersRegistry.setInit(() =>
  [...new Set(Object.values(standardTransformers)), configFromData].map((transformation) => ({
    id: transformation.id,
    name: transformation.name,
    transformation,
  }))
);
