//! Small pictures in SVG that can be read on white and on black.

use std::fmt::Write;

/// Colours that keep apart for most who see few of them, of a brightness that stands out from both backgrounds.
pub const COLOURS: [&str; 5] = ["#d55e00", "#0072b2", "#009e73", "#888888", "#b07aa1"];

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#24292f}.faint{fill:#57606a}.head{font-weight:600;font-size:14px}\
line.grid{stroke:#d0d7de}line.axis{stroke:#57606a}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.faint{fill:#9198a1}line.grid{stroke:#30363d}line.axis{stroke:#9198a1}}";

pub struct Svg {
    size: (f64, f64),
    body: String,
}

#[derive(Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    /// `title` is read out to those who can't see the picture.
    pub fn new(width: f64, height: f64, title: &str) -> Self {
        Self {
            size: (width, height),
            body: format!("<title>{}</title>\n", escape(title)),
        }
    }

    pub fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escape(text);
        self.push(&format!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" class="{class}">{text}</text>"#
        ));
    }

    pub fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), class: &str) {
        self.push(&format!(
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" class="{class}"/>"#
        ));
    }

    pub fn bar(&mut self, (x, y): (f64, f64), width: f64, height: f64, colour: &str) {
        self.push(&format!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="1.5" fill="{colour}"/>"#
        ));
    }

    /// A line through points, with a dot on each.
    pub fn path(&mut self, points: &[(f64, f64)], colour: &str) {
        let corners: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.push(&format!(
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#,
            corners.join(" ")
        ));
        for (x, y) in points {
            self.push(&format!(
                r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#
            ));
        }
    }

    /// Names beside dots of their colours, from left to right.
    pub fn legend(&mut self, (mut x, y): (f64, f64), entries: &[(&str, &str)]) {
        for (name, colour) in entries {
            self.bar((x, y - 9.0), 10.0, 10.0, colour);
            self.text((x + 15.0, y), Anchor::Start, "", name);
            x += 35.0 + 6.6 * name.len() as f64;
        }
    }

    fn push(&mut self, element: &str) {
        self.body.push_str(element);
        self.body.push('\n');
    }

    pub fn finish(self) -> String {
        let (width, height) = self.size;
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             role=\"img\">\n<style>{STYLE}</style>\n{}</svg>\n",
            self.body
        );
        out
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Where a value is on an axis, from 0 to 1, and what is written beside it.
#[derive(Clone, Copy)]
pub enum Scale {
    Linear {
        most: f64,
    },
    /// From one power of ten to another.
    Log {
        least: i32,
        most: i32,
    },
}

impl Scale {
    /// From zero to a round number above all values.
    pub fn linear(values: impl Iterator<Item = f64>) -> Self {
        let highest = values
            .filter(|value| value.is_finite())
            .fold(f64::MIN_POSITIVE, f64::max);
        let step = step(highest);
        Self::Linear {
            most: (highest / step).ceil() * step,
        }
    }

    pub fn log(values: impl Iterator<Item = f64>) -> Self {
        let values: Vec<_> = values
            .filter(|value| value.is_finite() && *value > 0.0)
            .map(f64::log10)
            .collect();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min).floor();
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max).ceil();
        if least.is_finite() {
            Self::Log {
                least: least as i32,
                most: (most.max(least + 1.0)) as i32,
            }
        } else {
            Self::Log { least: 0, most: 1 }
        }
    }

    pub fn at(self, value: f64) -> f64 {
        let place = match self {
            Self::Linear { most } => value / most,
            Self::Log { least, most } => (value.log10() - f64::from(least)) / f64::from(most - least),
        };
        place.clamp(0.0, 1.0)
    }

    pub fn ticks(self) -> Vec<f64> {
        match self {
            Self::Linear { most } => {
                let step = step(most);
                (0..=(most / step).round() as u32)
                    .map(|tick| f64::from(tick) * step)
                    .collect()
            }
            Self::Log { least, most } => (least..=most).map(|power| 10f64.powi(power)).collect(),
        }
    }
}

/// 1, 2 or 5 times a power of ten: four to ten of them make the value.
fn step(value: f64) -> f64 {
    let power = 10f64.powf((value / 4.0).log10().floor());
    match value / 4.0 / power {
        factor if factor >= 5.0 => 5.0 * power,
        factor if factor >= 2.0 => 2.0 * power,
        _ => power,
    }
}

/// A number beside an axis: up to two decimals, and no zeros behind them.
pub fn label(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{:.0}M", value / 1e6),
        value if value >= 1e4 => format!("{:.0}k", value / 1e3),
        value => format!("{}", (value * 100.0).round() / 100.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        for (highest, most) in [(0.9, 1.0), (7.0, 7.0), (283.0, 300.0), (1.2e4, 1.2e4)] {
            let Scale::Linear { most: found } = Scale::linear([highest].into_iter()) else {
                panic!()
            };
            assert!((found - most).abs() < 1e-9 * most, "{highest}: {found}");
        }
        assert_eq!(
            Scale::log([0.6, 3000.0].into_iter()).ticks(),
            [0.1, 1.0, 10.0, 100.0, 1e3, 1e4]
        );
        assert_eq!(Scale::Log { least: 0, most: 2 }.at(10.0), 0.5);
    }

    #[test]
    fn labels_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.1 * 6.0, "0.6"),
            (1.5, "1.5"),
            (200.0, "200"),
            (2e4, "20k"),
            (1e6, "1M"),
        ] {
            assert_eq!(label(value), text);
        }
    }

    #[test]
    fn text_is_no_markup() {
        let mut svg = Svg::new(1.0, 1.0, "a < b");
        svg.text((0.0, 0.0), Anchor::Start, "", "<&>");
        let text = svg.finish();
        assert!(
            text.contains("a &lt; b") && text.contains("&lt;&amp;&gt;"),
            "{text}"
        );
    }
}
