// Draws a dashboard with Grafana's own components, from what Prometheus answered to its panels' queries.
// What Grafana itself has around them is done here: the grid, the overrides, and the merging of a table's columns.
import React from 'react';
import { createRoot } from 'react-dom/client';
import { applyFieldOverrides, createTheme, dateTime, FieldType, getDisplayProcessor, Registry, toDataFrame } from '@grafana/data';
import { BigValue, GlobalStyles, PanelChrome, Table, ThemeContext, TimeSeries } from '@grafana/ui';

const { board, answers, from, to, note } = (window as any).INPUT;
const theme = createTheme({ colors: { mode: 'dark' } });
const COLUMN = 1600 / 24, ROW = 38, TOP = 48;
const times = { from: dateTime(from * 1000), to: dateTime(to * 1000) };
const range: any = { ...times, raw: times };

// Which settings of a field there are is registered by Grafana's application, not by its components.
const setting = (id: string, isCustom: boolean): any => ({
  id: isCustom ? `custom.${id}` : id, path: id, name: id, isCustom, process: (value: any) => value, shouldApply: () => true,
});
const settings: any = new Registry(() => [
  ...['unit', 'min', 'max', 'decimals', 'noValue', 'color', 'thresholds', 'links', 'mappings'].map((id) => setting(id, false)),
  ...['lineWidth', 'fillOpacity', 'stacking', 'showPoints', 'axisSoftMin'].map((id) => setting(id, true)),
]);
const CUSTOM = {
  drawStyle: 'line', lineInterpolation: 'linear', pointSize: 4, spanNulls: false, gradientMode: 'none', axisPlacement: 'auto',
  scaleDistribution: { type: 'linear' }, thresholdsStyle: { mode: 'off' }, stacking: { mode: 'none' },
  hideFrom: { legend: false, tooltip: false, viz: false },
};

function overridden(panel: any, data: any[]): any[] {
  const config = structuredClone(panel.fieldConfig), { defaults } = config;
  defaults.color ??= { mode: panel.type === 'timeseries' ? 'palette-classic' : 'thresholds' };
  defaults.thresholds ??= { mode: 'absolute', steps: [{ value: null, color: 'text' }] };
  defaults.thresholds.steps.forEach((step: any) => (step.value ??= -Infinity));
  defaults.custom = { ...CUSTOM, ...defaults.custom };
  const options: any = { data, fieldConfig: config, replaceVariables: (text: string) => text, theme, timeZone: 'utc', fieldConfigRegistry: settings };
  const frames = applyFieldOverrides(options);
  frames.flatMap((frame) => frame.fields).filter((field) => field.type === FieldType.number).forEach((field, index) => {
    field.state = { ...field.state, seriesIndex: index };
    field.display = getDisplayProcessor({ field, theme, timeZone: 'utc' });
  });
  return frames;
}

function series(panel: any): any[] {
  return overridden(panel, panel.targets.flatMap((target: any) => answers[panel.id][target.refId].map((one: any) => toDataFrame({
    refId: target.refId, name: one.name,
    fields: [
      { name: 'Time', type: FieldType.time, values: one.points.map((point: number[]) => point[0] * 1000) },
      { name: 'Value', type: FieldType.number, values: one.points.map((point: number[]) => point[1]), labels: one.labels, config: { displayNameFromDS: one.name } },
    ],
  }))));
}

function rows(panel: any): any {
  const headings = panel.transformations[1].options.renameByName;
  const found = new Map<string, any>();
  for (const target of panel.targets) {
    for (const one of answers[panel.id][target.refId]) {
      const key = JSON.stringify(one.labels);
      found.set(key, { ...one.labels, ...found.get(key), [panel.targets.length > 1 ? `Value #${target.refId}` : 'Value']: one.points[0][1] });
    }
  }
  const sorted = Object.keys(headings).find((name) => headings[name] === panel.options.sortBy[0].displayName)!;
  const ordered = [...found.values()].sort((a, b) => (b[sorted] ?? -1) - (a[sorted] ?? -1));
  const fields = Object.entries(headings).map(([name, heading]) => ({
    name: heading, type: name.startsWith('Value') ? FieldType.number : FieldType.string, values: ordered.map((row) => row[name] ?? null), config: {},
  }));
  return overridden(panel, [toDataFrame({ fields } as any)])[0];
}

function Numbers({ panel, width, height }: any) {
  const frames = series(panel);
  return <div style={{ display: 'flex', width, height }}>{frames.map((frame, index) => {
    const field = frame.fields[1], value = field.display(field.values[0]);
    return <BigValue key={index} value={frames.length > 1 ? { ...value, title: frame.name } : value} width={width / frames.length} height={height}
      theme={theme} colorMode={panel.options.colorMode} graphMode={panel.options.graphMode} textMode={panel.options.textMode} />;
  })}</div>;
}

function Body({ panel, width, height }: any) {
  if (panel.type === 'stat') return <Numbers panel={panel} width={width} height={height} />;
  if (panel.type === 'table') return <Table data={rows(panel)} width={width} height={height} />;
  const frames = series(panel);
  if (frames.length === 0) return <div style={{ paddingTop: height / 2 - 10, textAlign: 'center' }}>{panel.fieldConfig.defaults.noValue}</div>;
  return <TimeSeries frames={frames} timeRange={range} timeZone="utc" width={width} height={height} legend={panel.options.legend} structureRev={1} />;
}

function Board() {
  return <div style={{ position: 'relative', fontFamily: theme.typography.fontFamily, color: theme.colors.text.primary }}>
    <div style={{ position: 'absolute', left: 12, top: 12, fontSize: 18 }}>{board.title}</div>
    {board.panels.map((panel: any) => {
      const { x, y, w, h } = panel.gridPos, width = w * COLUMN - 8, height = h * ROW - 8;
      const style: React.CSSProperties = { position: 'absolute', left: 8 + x * COLUMN, top: TOP + y * ROW, width, height };
      if (panel.type === 'row') return <div key={panel.id} style={{ ...style, fontWeight: 500, paddingTop: 6 }}>⌄ {panel.title}</div>;
      return <div key={panel.id} style={style}>
        <PanelChrome title={panel.title} width={width} height={height}>
          {(innerWidth, innerHeight) => <Body panel={panel} width={innerWidth} height={innerHeight} />}
        </PanelChrome>
      </div>;
    })}
    <div style={{ position: 'absolute', left: 12, top: (window as any).INPUT.height - 30, fontSize: 13, color: theme.colors.text.secondary }}>{note}</div>
  </div>;
}

createRoot(document.getElementById('root')!).render(
  <ThemeContext.Provider value={theme as any}><GlobalStyles /><Board /></ThemeContext.Provider>
);
