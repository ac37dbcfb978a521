//! All dimensions around a circle: the person's scores as a filled shape, the model's as a dashed one.

use std::f32::consts::{PI, TAU};

use super::super::markup::put;
use super::super::{Dimension, Profile};
use super::{Figure, GRID, HUMAN, MODEL, SOFT, diamond, dot, level, name};

const WIDTH: f32 = 480.0;
const HEIGHT: f32 = 394.0;
const RADIUS: f32 = 138.0;

/// Fewer axes than this enclose no area.
const LEAST: usize = 3;

/// A place on the page.
type Point = (f32, f32);

/// Turns dimension numbers and levels into places.
struct Wheel {
    axes: usize,
}

impl Wheel {
    /// Direction of an axis, clockwise from the top.
    fn angle(&self, axis: usize) -> f32 {
        TAU * axis as f32 / self.axes as f32 - PI / 2.0
    }

    fn at(&self, axis: usize, radius: f32) -> Point {
        let (sin, cos) = self.angle(axis).sin_cos();
        (WIDTH / 2.0 + radius * cos, HEIGHT / 2.0 + radius * sin)
    }

    /// Level 1 stands one ring off the centre, so that a row of ones still shows a shape.
    fn level(&self, axis: usize, level: f32) -> Point {
        self.at(axis, level.clamp(1.0, 5.0) / 5.0 * RADIUS)
    }

    fn ring(&self, level: f32) -> String {
        let points: Vec<Point> = (0..self.axes).map(|a| self.level(a, level)).collect();
        format!("{}Z", path(&points))
    }
}

/// The radar; none when there are too few dimensions to enclose an area.
pub(in crate::tui::profile) fn radar(profile: &Profile) -> Option<Figure> {
    let axes = profile.dimensions.len();
    if axes < LEAST {
        return None;
    }
    let wheel = Wheel { axes };
    let mut body = String::new();
    grid(&mut body, &wheel);
    let model: Vec<_> = scores(profile, |d| d.model.map(|m| m.score));
    let human: Vec<_> = scores(profile, |d| d.human);
    shape(&mut body, &wheel, &model, MODEL, "0.07", "5 4");
    shape(&mut body, &wheel, &human, HUMAN, "0.16", "none");
    ring_numbers(&mut body, &wheel);
    marks(&mut body, &wheel, &model, dot);
    marks(&mut body, &wheel, &human, diamond);
    for (axis, dimension) in profile.dimensions.iter().enumerate() {
        label(&mut body, &wheel, axis, dimension);
    }
    Some(Figure {
        width: WIDTH,
        height: HEIGHT,
        body,
    })
}

fn scores(profile: &Profile, of: impl Fn(&Dimension) -> Option<f32>) -> Vec<Option<f32>> {
    profile.dimensions.iter().map(of).collect()
}

fn grid(body: &mut String, wheel: &Wheel) {
    for ring in 1_u8..=5 {
        let fill = if ring == 5 { "#fafbfc" } else { "none" };
        put!(
            body,
            "<path d=\"{}\" fill=\"{fill}\" stroke=\"{GRID}\"/>",
            wheel.ring(f32::from(6 - ring))
        );
    }
    for axis in 0..wheel.axes {
        let ((x1, y1), (x2, y2)) = (wheel.level(axis, 1.0), wheel.level(axis, 5.0));
        put!(
            body,
            "<path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\" stroke=\"{GRID}\"/>"
        );
    }
}

/// The numbers of the rings, above the shapes and with a halo.
fn ring_numbers(body: &mut String, wheel: &Wheel) {
    for ring in 1_u8..=5 {
        let (x, y) = wheel.level(0, f32::from(ring));
        put!(
            body,
            "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"11\" fill=\"{SOFT}\" stroke=\"#fff\" \
             stroke-width=\"2.5\" paint-order=\"stroke\">{ring}</text>",
            x + 7.0,
            y + 3.5
        );
    }
}

/// The outline through the scores that exist; filled only when all do.
fn shape(
    body: &mut String,
    wheel: &Wheel,
    scores: &[Option<f32>],
    colour: &str,
    opacity: &str,
    dashes: &str,
) {
    let points: Vec<Option<Point>> = scores
        .iter()
        .enumerate()
        .map(|(a, s)| s.map(|s| wheel.level(a, s)))
        .collect();
    let whole: Option<Vec<Point>> = points.iter().copied().collect();
    let (d, fill) = match whole {
        Some(points) => (format!("{}Z", path(&points)), colour),
        None => (edges(&points), "none"),
    };
    put!(
        body,
        "<path d=\"{d}\" fill=\"{fill}\" fill-opacity=\"{opacity}\" stroke=\"{colour}\" stroke-width=\"1.8\" \
         stroke-linejoin=\"round\" stroke-dasharray=\"{dashes}\"/>"
    );
}

/// Lines between neighbours that both exist.
fn edges(points: &[Option<Point>]) -> String {
    let neighbours = points.iter().zip(points.iter().cycle().skip(1));
    neighbours
        .filter_map(|(a, b)| Some(path(&[(*a)?, (*b)?])))
        .collect()
}

fn path(points: &[Point]) -> String {
    let mut d = String::new();
    for (i, (x, y)) in points.iter().enumerate() {
        put!(d, "{}{x:.1} {y:.1}", if i == 0 { 'M' } else { 'L' });
    }
    d
}

fn marks(body: &mut String, wheel: &Wheel, scores: &[Option<f32>], mark: fn(f32, f32) -> String) {
    for (axis, score) in scores.iter().enumerate() {
        if let Some(score) = score {
            let (x, y) = wheel.level(axis, *score);
            body.push_str(&mark(x, y));
        }
    }
}

fn label(body: &mut String, wheel: &Wheel, axis: usize, dimension: &Dimension) {
    let (x, y) = wheel.at(axis, RADIUS + 16.0);
    let (sin, cos) = wheel.angle(axis).sin_cos();
    let anchor = match cos {
        c if c > 0.2 => "start",
        c if c < -0.2 => "end",
        _ => "middle",
    };
    // Text grows downwards from its baseline: lift it at the top, leave it at the sides, drop it at the bottom.
    let y = y + sin * 8.0 - 2.0;
    let score = dimension.standing().map_or("–".to_owned(), level);
    let colour = if dimension.human.is_some() { HUMAN } else { MODEL };
    put!(
        body,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"15\">{}\
         <tspan x=\"{x:.1}\" dy=\"18\" font-weight=\"700\" fill=\"{colour}\">{score}</tspan></text>",
        name(&dimension.name)
    );
}
