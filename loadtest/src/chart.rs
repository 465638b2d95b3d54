//! Charts as SVG that needs nothing else: lines over one axis, with their names below.

use std::fmt::Write as _;

use crate::findings::escape;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 220.0;
/// Room for the labels of the axes.
const MARGIN: f64 = 48.0;

/// A line of a chart.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) colour: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// The lines over the same axis, from 0 to the highest value of all.
pub(crate) fn chart(lines: &[Line], axis: &str) -> String {
    let points = || lines.iter().flat_map(|line| &line.points);
    let wide = points().map(|(x, _)| *x).fold(1.0, f64::max);
    let high = points().map(|(_, y)| *y).fold(0.001, f64::max);
    let (left, bottom) = (MARGIN, HEIGHT - MARGIN);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\"><path d=\"M{left} 20V{bottom}H{}\" fill=\"none\" stroke=\"#767676\"/>\
<text x=\"{}\" y=\"24\" text-anchor=\"end\">{high:.1}</text><text x=\"{}\" y=\"{bottom}\" text-anchor=\"end\">0</text>\
<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{wide:.0}</text><text x=\"{left}\" y=\"{}\">{}</text>",
        WIDTH - 10.0,
        left - 6.0,
        left - 6.0,
        WIDTH - 10.0,
        bottom + 16.0,
        bottom + 16.0,
        escape(axis)
    );
    for (place, line) in (0_u32..).zip(lines) {
        let along = |(x, y): &(f64, f64)| {
            let (x, y) = (x / wide * (WIDTH - left - 10.0), y / high * (bottom - 20.0));
            format!("{:.1},{:.1}", left + x, bottom - y)
        };
        let path = line.points.iter().map(along).collect::<Vec<_>>().join(" ");
        // Writing to a string does not fail.
        let _infallible = write!(
            svg,
            "<polyline points=\"{path}\" fill=\"none\" stroke=\"{0}\" stroke-width=\"2\"/>\
<text x=\"{1}\" y=\"{2}\" style=\"fill:{0}\">{3}</text>",
            line.colour,
            left + 160.0 * f64::from(place),
            HEIGHT - 8.0,
            line.name
        );
    }
    svg + "</svg>"
}
