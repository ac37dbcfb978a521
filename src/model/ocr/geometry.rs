//! Rectangles that may lie askew: the smallest around some points, and growing them.

/// A point of a picture: pixels to the right and down from its upper left corner.
pub type Point = [f32; 2];

/// An upright rectangle is taken for text that lies straight when it is at most so many times as large as the smallest:
/// letters of uneven height make the smallest one of a short word lie askew.
const UPRIGHT: f32 = 1.2;
/// Standing text is so many times as tall as it is wide; a single digit may be twice as tall.
const STANDING: f32 = 2.2;

/// A rectangle along a line of text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slanted {
    /// Its middle.
    pub centre: Point,
    /// The direction in which the text runs: of length 1.
    pub along: Point,
    /// Pixels along the text.
    pub length: f32,
    /// Pixels across it.
    pub height: f32,
}

impl Slanted {
    /// The smallest rectangle around some points, one side of which lies on a side of their hull, or the upright one where
    /// that is hardly larger. Lying text runs to the
    /// right, standing text up. None for fewer than three points that span an area.
    pub fn around(points: &[Point]) -> Option<Self> {
        let hull = convex_hull(points);
        let sides = hull.iter().zip(hull.iter().cycle().skip(1));
        let boxes = sides.filter_map(|(from, to)| {
            let along = unit([to[0] - from[0], to[1] - from[1]])?;
            Some(Self::along(along, &hull))
        });
        let smallest = boxes.min_by(|a, b| a.area().total_cmp(&b.area()))?;
        let upright = Self::along([1.0, 0.0], &hull);
        let best = if upright.area() <= UPRIGHT * smallest.area() {
            upright
        } else {
            smallest
        };
        (hull.len() >= 3).then(|| best.turned())
    }

    /// The rectangle around some points whose sides have this direction.
    fn along(along: Point, points: &[Point]) -> Self {
        let across = [-along[1], along[0]];
        let (left, right) = extent(points, along);
        let (top, bottom) = extent(points, across);
        let (a, b) = (f32::midpoint(left, right), f32::midpoint(top, bottom));
        Self {
            centre: [along[0] * a + across[0] * b, along[1] * a + across[1] * b],
            along,
            length: right - left,
            height: bottom - top,
        }
    }

    /// The same rectangle, described along the text in it.
    fn turned(self) -> Self {
        let [x, y] = self.along;
        let lying = if x.abs() >= y.abs() {
            self
        } else {
            self.quarter([-y, x])
        };
        let lying = if lying.along[0] < 0.0 {
            lying.reversed()
        } else {
            lying
        };
        if lying.height < STANDING * lying.length {
            return lying;
        }
        let [x, y] = lying.along;
        lying.quarter([y, -x])
    }

    /// The same rectangle along its other side.
    fn quarter(self, along: Point) -> Self {
        Self {
            along,
            length: self.height,
            height: self.length,
            ..self
        }
    }

    /// The same rectangle for text that runs the other way.
    pub fn reversed(self) -> Self {
        Self {
            along: [-self.along[0], -self.along[1]],
            ..self
        }
    }

    /// Whether the text runs up or down rather than to the right.
    pub fn is_standing(&self) -> bool {
        self.along[1].abs() > self.along[0].abs()
    }

    /// Its area in pixels.
    pub fn area(&self) -> f32 {
        self.length * self.height
    }

    /// The rectangle with every side moved outward by so many pixels.
    pub fn grown(self, by: f32) -> Self {
        Self {
            length: self.length + 2.0 * by,
            height: self.height + 2.0 * by,
            ..self
        }
    }

    /// The rectangle in a picture that is scaled by so much in both directions. Both factors are near each other: the
    /// networks take sizes in steps of 32 pixels.
    pub fn scaled(self, [x, y]: Point) -> Self {
        let [u, v] = self.along;
        let stretched = |[u, v]: Point| (u * x).hypot(v * y);
        Self {
            centre: [self.centre[0] * x, self.centre[1] * y],
            along: unit([u * x, v * y]).unwrap_or(self.along),
            length: self.length * stretched([u, v]),
            height: self.height * stretched([-v, u]),
        }
    }

    /// The point at the shares `a` of its length and `b` of its height.
    pub fn at(&self, a: f32, b: f32) -> Point {
        let [x, y] = self.along;
        let (a, b) = ((a - 0.5) * self.length, (b - 0.5) * self.height);
        [self.centre[0] + x * a - y * b, self.centre[1] + y * a + x * b]
    }

    /// The upright box around the part of its length from the share `from` to the share `to`: left, top, right, bottom.
    pub fn part(&self, from: f32, to: f32) -> [f32; 4] {
        let corners = [
            self.at(from, 0.0),
            self.at(to, 0.0),
            self.at(to, 1.0),
            self.at(from, 1.0),
        ];
        let (left, right) = extent(&corners, [1.0, 0.0]);
        let (top, bottom) = extent(&corners, [0.0, 1.0]);
        [left, top, right, bottom]
    }

    /// The upright box around it: left, top, right, bottom.
    pub fn bounds(&self) -> [f32; 4] {
        self.part(0.0, 1.0)
    }

    /// Whether a point lies in it.
    pub fn holds(&self, point: Point) -> bool {
        let [x, y] = self.along;
        let from = [point[0] - self.centre[0], point[1] - self.centre[1]];
        let (a, b) = (from[0] * x + from[1] * y, from[1] * x - from[0] * y);
        a.abs() <= self.length / 2.0 && b.abs() <= self.height / 2.0
    }
}

/// The smallest and the largest share that points have of a direction.
fn extent(points: &[Point], along: Point) -> (f32, f32) {
    points.iter().fold((f32::MAX, f32::MIN), |(low, high), p| {
        let at = p[0] * along[0] + p[1] * along[1];
        (low.min(at), high.max(at))
    })
}

fn unit([x, y]: Point) -> Option<Point> {
    let length = x.hypot(y);
    (length > f32::EPSILON).then(|| [x / length, y / length])
}

/// The corners of the hull of some points, in order (Andrew's monotone chain).
fn convex_hull(points: &[Point]) -> Vec<Point> {
    let mut points = points.to_vec();
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    points.dedup();
    let mut hull = half_hull(points.iter());
    hull.pop();
    let upper = half_hull(points.iter().rev());
    hull.extend(&upper[..upper.len().saturating_sub(1)]);
    hull
}

fn half_hull<'a>(points: impl Iterator<Item = &'a Point>) -> Vec<Point> {
    let mut chain: Vec<Point> = Vec::new();
    for &p in points {
        while let [.., a, b] = chain[..]
            && (b[0] - a[0]) * (p[1] - a[1]) <= (b[1] - a[1]) * (p[0] - a[0])
        {
            chain.pop();
        }
        chain.push(p);
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f32, b: f32) -> bool {
        (a - b).abs() < 1e-3
    }

    /// A 3-4-5 triangle gives the slant: the rectangle's sides are 10 and 5 along (0.8, 0.6) and (-0.6, 0.8).
    #[test]
    fn the_smallest_rectangle_lies_along_the_points() {
        let corners = [[0.0, 0.0], [8.0, 6.0], [5.0, 10.0], [-3.0, 4.0], [2.5, 5.0]];
        let found = Slanted::around(&corners).expect("an area");
        assert!(near(found.length, 10.0) && near(found.height, 5.0), "{found:?}");
        assert!(
            near(found.along[0], 0.8) && near(found.along[1], 0.6),
            "{found:?}"
        );
        assert!(
            near(found.centre[0], 2.5) && near(found.centre[1], 5.0),
            "{found:?}"
        );
        assert!(found.holds([2.0, 4.0]) && !found.holds([7.0, 2.0]));
    }

    #[test]
    fn tall_rectangles_hold_standing_text() {
        let found = Slanted::around(&[[0.0, 0.0], [4.0, 0.0], [4.0, 20.0], [0.0, 20.0]]).expect("an area");
        assert!(found.is_standing() && near(found.along[1], -1.0), "{found:?}");
        assert!(near(found.length, 20.0) && near(found.height, 4.0));
        // Its first tenth is at the bottom.
        assert_eq!(
            found.part(0.0, 0.1).map(f32::round).map(|v| v as i32),
            [0, 18, 4, 20]
        );
    }

    #[test]
    fn points_on_a_line_have_no_area() {
        assert_eq!(Slanted::around(&[[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]), None);
        assert_eq!(Slanted::around(&[]), None);
    }

    #[test]
    fn scaling_moves_and_stretches() {
        let lying = Slanted::around(&[[0.0, 0.0], [10.0, 0.0], [10.0, 2.0], [0.0, 2.0]]).expect("an area");
        assert_eq!(lying.scaled([2.0, 3.0]).bounds().map(|v| v as i32), [0, 0, 20, 6]);
        assert_eq!(lying.grown(1.0).bounds().map(|v| v as i32), [-1, -1, 11, 3]);
    }
}
