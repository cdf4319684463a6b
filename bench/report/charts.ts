/**
 * Charts as SVG, drawn by ECharts without a browser.
 */
import { BarChart, LineChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components'
import { type EChartsCoreOption, init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'

use([BarChart, LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer])

const WIDTH = 820
const HEIGHT = 400
/** Colours that people who see few colours can tell apart (Okabe and Ito). */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#999999']

/** What is drawn: a row of values for each series, one value for each category. */
export interface Chart {
  title: string
  /** What the values are. */
  unit: string
  categories: readonly string[]
  /** What the categories are, where it is not plain. */
  categoryName?: string
  series: readonly { name: string; values: readonly (number | undefined)[] }[]
  kind: 'bars' | 'stacked bars' | 'lines'
  isLogarithmic?: boolean
}

export function drawChart(chart: Chart): string {
  const drawn = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT })
  drawn.setOption(optionOf(chart))
  const svg = drawn.renderToSVGString()
  drawn.dispose()
  // for those who hear it read out
  return `${svg.replace('>', `>\n<title>${chart.title}</title>`)}\n`
}

function optionOf(chart: Chart): EChartsCoreOption {
  const { title, unit, categories, categoryName, series, kind, isLogarithmic } = chart
  return {
    animation: false,
    backgroundColor: '#ffffff',
    color: COLOURS,
    title: { text: title, subtext: unit, left: 16, top: 10, textStyle: { fontSize: 16 } },
    legend: { top: 58, left: 16, itemGap: 32 },
    grid: { left: 20, right: 30, top: 100, bottom: categoryName ? 40 : 20 },
    xAxis: {
      type: 'category',
      data: [...categories],
      name: categoryName,
      nameLocation: 'middle',
      nameGap: 30,
      axisLabel: { interval: 0 },
    },
    yAxis: {
      type: isLogarithmic ? 'log' : 'value',
      axisLabel: { formatter: (value: number) => value.toLocaleString('en') },
    },
    series: series.map(({ name, values }) => ({
      name,
      type: kind === 'lines' ? 'line' : 'bar',
      ...(kind === 'stacked bars' && { stack: 'all' }),
      // '-' is what ECharts takes for a value that is not there
      data: values.map((value) => value ?? '-'),
      symbolSize: 7,
    })),
  }
}
