// The four kinds of panels that are drawn, each as its part of Grafana's application does it with @grafana/ui.
import { getDisplayValueAlignmentFactors, getFieldDisplayValues } from '@grafana/data';
import { BarGauge, BigValue, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { useLayoutEffect } from 'react';

export const KINDS = { timeseries: Graph, table: Table, stat: Numbers, bargauge: Bars };

function Graph({ frames, options, timeRange, timeZone, annotations, theme, width, height }) {
  return (
    <TimeSeries {...{ frames, structureRev: 1, timeRange, timeZone, width, height, legend: options.legend, options }}>
      {(config) => <Annotations {...{ config, annotations, theme }} />}
    </TimeSeries>
  );
}

function Table({ frames, options, fieldConfig, timeRange, width, height }) {
  return (
    <TableNG
      {...{ data: frames[0], width, height, fieldConfig, timeRange, structureRev: 1, cellHeight: options.cellHeight }}
      noHeader={!options.showHeader}
      initialSortBy={options.sortBy}
      enableVirtualization={false}
    />
  );
}

function Numbers(props) {
  const { options, theme } = props;
  return (
    <Repeated
      {...props}
      autoGrid
      itemSpacing={3}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, width, height, alignmentFactors, count }) => (
        <BigValue
          {...{ width, height, alignmentFactors, count, theme, text: options.text, textMode: options.textMode }}
          value={value.display}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode}
          wideLayout={options.wideLayout}
        />
      )}
    />
  );
}

function Bars(props) {
  const { options, theme } = props;
  return (
    <Repeated
      {...props}
      itemSpacing={10}
      minVizWidth={options.minVizWidth}
      minVizHeight={options.minVizHeight}
      maxVizHeight={options.maxVizHeight}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, width, height, alignmentFactors, orientation, count }) => (
        <BarGauge
          {...{ width, height, orientation, alignmentFactors, theme, text: options.text, itemSpacing: 10 }}
          value={value.display}
          field={value.field}
          display={value.view?.getFieldDisplayProcessor(value.colIndex)}
          displayMode={options.displayMode}
          valueDisplayMode={options.valueMode}
          namePlacement={options.namePlacement}
          showUnfilled={options.showUnfilled}
          isOverflow={(options.minVizHeight + 10) * count > props.height}
        />
      )}
    />
  );
}

// One drawing for each value that the panel reduces its frames to.
function Repeated({ frames, fieldConfig, options, replaceVariables, timeZone, theme, width, height, ...how }) {
  const getValues = () =>
    getFieldDisplayValues({
      ...{ fieldConfig, reduceOptions: options.reduceOptions, replaceVariables, theme, timeZone, data: frames },
      percentChange: false,
    });
  return <VizRepeater {...{ getValues, width, height, source: frames, ...how }} orientation={options.orientation} />;
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
