//! Draws a [`Chart`] as SVG.

use super::axis::LogAxis;
use super::chart::{Chart, Mark, Shape};
use crate::error::{Error, Result};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// The drawing library works in whole pixels: drawing this much larger than shown keeps lines
/// smooth.
const SCALE: i32 = 10;
const WIDTH: i32 = 800;
const TITLE: i32 = 40;
const LEGEND_ROW: i32 = 22;
const PLOT: i32 = 430;
/// Left edge of the plot, where the title and the legend start too.
const LEFT: i32 = 76;
const RIGHT: i32 = 24;
/// Width of a character relative to the size of its font, on the generous side.
const CHARACTER: f64 = 0.56;
const FONT: &str = "Helvetica, Arial, sans-serif";

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Plot<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<LogAxis, LogAxis>>;
type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

/// The chart as an SVG document.
///
/// # Errors
/// Only if the drawing library fails.
pub(super) fn draw(chart: &Chart) -> Result<String> {
    let legend = arrange(&chart.marks);
    let rows = legend.iter().map(|entry| entry.row + 1).max().unwrap_or(0);
    let top = TITLE + rows * LEGEND_ROW;
    let height = top + PLOT;
    let mut svg = String::new();
    let size = ((WIDTH * SCALE) as u32, (height * SCALE) as u32);
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        draw_on(&root, chart, &legend, top)
            .and_then(|()| Ok(root.present()?))
            .map_err(|error| Error::failed(format!("cannot draw `{}`: {error}", chart.title)))?;
    }
    let drawn = format!("width=\"{}\" height=\"{}\"", size.0, size.1);
    Ok(svg.replacen(&drawn, &format!("width=\"{WIDTH}\" height=\"{height}\""), 1))
}

fn draw_on(root: &Area<'_>, chart: &Chart, legend: &[Entry<'_>], top: i32) -> Drawn {
    root.fill(&WHITE)?;
    let title = font(17).style(FontStyle::Bold).into_text_style(root);
    root.draw_text(&chart.title, &title, (LEFT * SCALE, 14 * SCALE))?;
    for entry in legend {
        entry.draw(root)?;
    }
    let mut plot = ChartBuilder::on(root)
        .margin_top(top * SCALE)
        .margin_right(RIGHT * SCALE)
        .margin_bottom(8 * SCALE)
        .margin_left(8 * SCALE)
        .set_label_area_size(LabelAreaPosition::Left, (LEFT - 8) * SCALE)
        .set_label_area_size(LabelAreaPosition::Bottom, 52 * SCALE)
        .build_cartesian_2d(chart.x.clone(), chart.y.clone())?;
    plot.configure_mesh()
        .axis_style(RGBColor(120, 120, 120).stroke_width(SCALE as u32))
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(226, 226, 226).stroke_width(SCALE as u32))
        .x_labels(100)
        .y_labels(100)
        .x_label_formatter(&|x| crate::number::short(*x))
        .y_label_formatter(&|y| crate::number::short(*y))
        .label_style(font(13))
        .axis_desc_style(font(14))
        .x_desc(&chart.x_label)
        .y_desc(&chart.y_label)
        .set_all_tick_mark_size(4 * SCALE)
        .draw()?;
    for mark in &chart.marks {
        draw_mark(&mut plot, mark, chart)?;
    }
    Ok(())
}

fn font(size: i32) -> FontDesc<'static> {
    // The library draws text at 1 / 1.24 of the size that it is given.
    (FONT, 1.24 * f64::from(size * SCALE)).into_font()
}

fn draw_mark(plot: &mut Plot<'_, '_>, mark: &Mark, chart: &Chart) -> Drawn {
    let colour = mark.colour;
    let stroke = colour.stroke_width(2 * SCALE as u32);
    match &mark.shape {
        Shape::Faint(points) => {
            let dot = |at: &(f64, f64)| Circle::new(*at, 2 * SCALE, colour.mix(0.25).filled());
            plot.draw_series(points.iter().map(dot))?;
        }
        Shape::Dots(points) => {
            let dot = |at: &(f64, f64)| Circle::new(*at, 9 * SCALE / 2, colour.filled());
            plot.draw_series(points.iter().map(dot))?;
        }
        Shape::Rings(points) => {
            let ring = |at: &(f64, f64)| Circle::new(*at, 13 * SCALE / 2, stroke);
            plot.draw_series(points.iter().map(ring))?;
        }
        Shape::Line(points) => {
            plot.draw_series(LineSeries::new(points.iter().copied(), stroke))?;
        }
        Shape::Dashes(points) => {
            let points = points.iter().copied();
            plot.draw_series(DashedLineSeries::new(points, 6 * SCALE, 4 * SCALE, stroke))?;
        }
        Shape::Band(band) => {
            let lower = band.iter().map(|(x, low, _)| (*x, *low));
            let upper = band.iter().rev().map(|(x, _, high)| (*x, *high));
            let outline: Vec<(f64, f64)> = lower.chain(upper).collect();
            plot.draw_series([Polygon::new(outline, colour.mix(0.15).filled())])?;
        }
        Shape::Area(outline) => {
            plot.draw_series([Polygon::new(outline.clone(), colour.mix(0.35).filled())])?;
        }
        Shape::Level { y, name, left } => {
            let (low, high) = chart.x.ends();
            let thin = colour.stroke_width(3 * SCALE as u32 / 2);
            let ends = [(low, *y), (high, *y)];
            plot.draw_series(DashedLineSeries::new(ends, 3 * SCALE, 4 * SCALE, thin))?;
            let (at, side) = if *left { (low, HPos::Left) } else { (high, HPos::Right) };
            let style = font(13).color(&colour).pos(Pos::new(side, VPos::Bottom));
            let inset = if *left { 6 * SCALE } else { -6 * SCALE };
            let text = Text::new(name.clone(), (inset, -3 * SCALE), style);
            plot.draw_series([EmptyElement::at((at, *y)) + text])?;
        }
    }
    Ok(())
}

/// One entry of the legend: its place, its text and a sample of what it names.
struct Entry<'a> {
    row: i32,
    left: i32,
    mark: &'a Mark,
    text: &'a str,
}

/// Sets the named marks from left to right: side by side if one row holds them, else in columns of equal
/// width.
fn arrange(marks: &[Mark]) -> Vec<Entry<'_>> {
    let width = |text: &str| 50 + (text.chars().count() as f64 * 13.0 * CHARACTER) as i32;
    let named = marks.iter().filter_map(|mark| Some((mark, mark.legend.as_deref()?)));
    let room = WIDTH - RIGHT - LEFT + 16;
    let widest = named.clone().map(|(_, text)| width(text)).max().unwrap_or(0);
    let one_row = named.clone().map(|(_, text)| width(text)).sum::<i32>() <= room;
    let columns = if one_row { i32::MAX } else { (room / widest).max(1) };
    let mut left = LEFT;
    let mut entries = Vec::new();
    for (i, (mark, text)) in (0..).zip(named) {
        if i % columns == 0 {
            left = LEFT;
        }
        entries.push(Entry { row: i / columns, left, mark, text });
        left += if one_row { width(text) } else { widest };
    }
    entries
}

impl Entry<'_> {
    fn draw(&self, root: &Area<'_>) -> Drawn {
        let middle = (TITLE + self.row * LEGEND_ROW + LEGEND_ROW / 2) * SCALE;
        let (left, right) = (self.left * SCALE, (self.left + 26) * SCALE);
        let centre = (i32::midpoint(left, right), middle);
        let colour = self.mark.colour;
        let stroke = colour.stroke_width(2 * SCALE as u32);
        match &self.mark.shape {
            Shape::Faint(_) => {
                root.draw(&Circle::new(centre, 2 * SCALE, colour.mix(0.4).filled()))?;
            }
            Shape::Dots(_) => root.draw(&Circle::new(centre, 9 * SCALE / 2, colour.filled()))?,
            Shape::Rings(_) => root.draw(&Circle::new(centre, 13 * SCALE / 2, stroke))?,
            Shape::Band(_) | Shape::Area(_) => {
                let corners = [(left, middle - 5 * SCALE), (right, middle + 5 * SCALE)];
                root.draw(&Rectangle::new(corners, colour.mix(0.15).filled()))?;
            }
            Shape::Dashes(_) => {
                // Three dashes: what the drawing library's own would leave of so short a line.
                for start in [0, 10, 20] {
                    let [from, to] = [start, start + 6].map(|at| (left + at * SCALE, middle));
                    root.draw(&PathElement::new([from, to], stroke))?;
                }
            }
            Shape::Line(_) | Shape::Level { .. } => {
                root.draw(&PathElement::new([(left, middle), (right, middle)], stroke))?;
            }
        }
        let style = font(13).color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
        root.draw_text(self.text, &style, (right + 8 * SCALE, middle))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::chart;
    use super::*;

    #[test]
    fn a_chart_is_one_document_with_escaped_text() {
        let points = vec![(10.0, 1.0), (100.0, 0.5)];
        let chart = Chart {
            title: "a < b & c".to_owned(),
            x_label: "m".to_owned(),
            y_label: "E".to_owned(),
            x: LogAxis::around([10.0, 100.0]),
            y: LogAxis::around([0.5, 1.0]),
            marks: vec![
                Mark::named(chart::colour(0), Shape::Dots(points.clone()), "seen"),
                Mark::new(chart::shade(0, 1), Shape::Dashes(points)),
            ],
        };
        let svg = draw(&chart).unwrap();
        assert!(svg.starts_with("<svg width=\"800\" height=\"492\" viewBox=\"0 0 8000 4920\""));
        assert!(svg.contains("a &lt; b &amp; c") && svg.contains("seen"));
        assert_eq!(svg, draw(&chart).unwrap());
    }

    #[test]
    fn a_long_legend_takes_several_rows() {
        let mark = Mark::named(chart::colour(0), Shape::Line(vec![]), "x".repeat(40));
        let marks = vec![mark; 3];
        let places: Vec<(i32, i32)> = arrange(&marks).iter().map(|entry| (entry.row, entry.left)).collect();
        assert_eq!(places, [(0, LEFT), (0, LEFT + 341), (1, LEFT)]);
        assert!(arrange(&marks[..2]).iter().all(|entry| entry.row == 0));
    }
}
