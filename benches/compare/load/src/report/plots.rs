//! The pictures: bars of CPU, lines of memory, lines of growth.

use crate::{
    contestants::{CEILING, MIMALLOC, NODE, OURS, SOCKETIOXIDE},
    growth::Curve,
    memory::Memory,
    plan::Row,
    report::svg::{Anchor, COLOURS, Scale, Svg, label},
    rounds::Cell,
};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 130.0;
const RIGHT: f64 = 60.0;
const BAR: f64 = 9.0;

const SERIES: [(&str, &str); 4] = [
    (OURS, COLOURS[0]),
    (SOCKETIOXIDE, COLOURS[1]),
    (NODE, COLOURS[2]),
    (CEILING, COLOURS[3]),
];

/// Server CPU for each message, on a logarithmic scale.
pub fn cpu(rows: &[(Row, Vec<Cell>)]) -> String {
    let group = BAR * SERIES.len() as f64 + 12.0;
    let (top, bottom) = (70.0, 70.0 + group * rows.len() as f64);
    let scale = Scale::log(
        rows.iter()
            .flat_map(|(_, cells)| cells.iter().filter_map(Cell::cost)),
    );
    let x = |value| LEFT + (WIDTH - LEFT - RIGHT) * scale.at(value);
    let mut svg = Svg::new(WIDTH, bottom + 50.0, "Server CPU per message, in microseconds");
    svg.text(
        (LEFT, 22.0),
        Anchor::Start,
        "head",
        "Server CPU per message, delivery or connection (less is better)",
    );
    svg.legend((LEFT, 46.0), &SERIES);
    for tick in scale.ticks() {
        svg.line((x(tick), top - 8.0), (x(tick), bottom), "grid");
        svg.text((x(tick), bottom + 18.0), Anchor::Middle, "faint", &label(tick));
    }
    svg.text(
        (x(scale.ticks()[0]), bottom + 38.0),
        Anchor::Start,
        "faint",
        "microseconds, logarithmic",
    );
    for (number, (row, cells)) in rows.iter().enumerate() {
        let y = top + group * number as f64;
        svg.text((LEFT - 8.0, y + group / 2.0 - 2.0), Anchor::End, "", row.name);
        for (place, (name, colour)) in SERIES.iter().enumerate() {
            let cost = cells.iter().find(|cell| cell.name == *name).and_then(Cell::cost);
            let Some(cost) = cost else { continue };
            let y = y + BAR * place as f64;
            svg.bar((LEFT, y), (x(cost) - LEFT).max(1.0), BAR - 1.5, colour);
            svg.text(
                (x(cost) + 4.0, y + BAR - 1.5),
                Anchor::Start,
                "faint small",
                &figure(cost),
            );
        }
    }
    svg.finish()
        .replace("line.grid{", ".small{font-size:9px}line.grid{")
}

/// Three significant digits.
pub fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 999.5 => thousands(value),
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

pub fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value <= -0.5 { "-" } else { "" });
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x: Scale,
    y: Scale,
}

impl Frame {
    fn point(&self, x: f64, y: f64) -> (f64, f64) {
        let (width, height) = (self.right - self.left, self.bottom - self.top);
        (
            self.left + width * self.x.at(x),
            self.bottom - height * self.y.at(y),
        )
    }

    fn axes(&self, svg: &mut Svg, across: &str, up: &str) {
        for tick in self.y.ticks() {
            let (_, y) = self.point(0.0, tick);
            svg.line((self.left, y), (self.right, y), "grid");
            svg.text((self.left - 6.0, y + 4.0), Anchor::End, "faint", &label(tick));
        }
        // There are no halves of what is counted.
        for tick in self.x.ticks().into_iter().filter(|tick| tick.fract() == 0.0) {
            let (x, _) = self.point(tick, 0.0);
            svg.line((x, self.bottom), (x, self.bottom + 4.0), "axis");
            svg.text((x, self.bottom + 18.0), Anchor::Middle, "faint", &label(tick));
        }
        svg.line((self.left, self.bottom), (self.right, self.bottom), "axis");
        svg.text(
            ((self.left + self.right) / 2.0, self.bottom + 36.0),
            Anchor::Middle,
            "faint",
            across,
        );
        svg.text((self.left - 30.0, self.top - 10.0), Anchor::Start, "faint", up);
    }
}

/// Resident memory over idle connections.
pub fn memory(all: &[Memory]) -> String {
    let shown: Vec<_> = all.iter().filter(|memory| memory.name != MIMALLOC).collect();
    let points = || shown.iter().flat_map(|memory| memory.idle.iter());
    let frame = Frame {
        left: 70.0,
        right: WIDTH - 230.0,
        top: 74.0,
        bottom: 360.0,
        x: Scale::linear(points().map(|&(count, _)| count as f64)),
        y: Scale::linear(points().map(|&(_, added)| added / 1024.0)),
    };
    let mut svg = Svg::new(WIDTH, 410.0, "Memory over idle connections");
    svg.text(
        (40.0, 22.0),
        Anchor::Start,
        "head",
        "Memory that idle WebSocket connections add (less is better)",
    );
    frame.axes(&mut svg, "connections", "MiB, resident");
    let mut taken: Vec<f64> = Vec::new();
    let mut ends: Vec<_> = shown
        .iter()
        .filter_map(|memory| Some((memory, memory.idle.last()?)))
        .collect();
    ends.sort_by(|(_, (_, a)), (_, (_, b))| a.total_cmp(b));
    for (memory, &(count, added)) in ends {
        let colour = SERIES
            .iter()
            .find(|(name, _)| *name == memory.name)
            .map_or(COLOURS[4], |(_, colour)| colour);
        let corners = memory
            .idle
            .iter()
            .map(|&(count, added)| frame.point(count as f64, added / 1024.0));
        svg.path(
            &std::iter::once(frame.point(0.0, 0.0))
                .chain(corners)
                .collect::<Vec<_>>(),
            colour,
        );
        let (x, y) = frame.point(count as f64, added / 1024.0);
        // Labels of lines that end close together are moved apart.
        let y = taken.last().map_or(y, |&below| y.min(below - 15.0));
        taken.push(y);
        svg.bar((x + 12.0, y - 5.0), 10.0, 10.0, colour);
        let text = format!("{}, {} KiB each", memory.name, figure(memory.per_connection()));
        svg.text((x + 26.0, y + 4.0), Anchor::Start, "", &text);
    }
    svg.finish()
}

/// A small picture for each curve.
pub fn growth(curves: &[Curve]) -> String {
    let (columns, width, height) = (2, WIDTH / 2.0, 250.0);
    let rows = curves.len().div_ceil(columns);
    let mut svg = Svg::new(
        WIDTH,
        60.0 + height * rows as f64,
        "The cost of a unit of work over how much there is",
    );
    svg.text(
        (20.0, 22.0),
        Anchor::Start,
        "head",
        "Cost of a unit of work, over how much there is (flat is good)",
    );
    svg.legend((20.0, 44.0), &[SERIES[0], SERIES[3]]);
    for (number, curve) in curves.iter().enumerate() {
        let (left, top) = (
            width * (number % columns) as f64,
            60.0 + height * (number / columns) as f64,
        );
        let values = curve.points.iter().flat_map(|point| [point.ours, point.ceiling]);
        let across = curve.points.iter().map(|point| point.x as f64);
        let frame = Frame {
            left: left + 56.0,
            right: left + width - 24.0,
            top: top + 48.0,
            bottom: top + height - 50.0,
            x: if curve.points.iter().all(|point| point.x < 10) {
                Scale::linear(across)
            } else {
                Scale::log(across)
            },
            y: if curve.unit.ends_with("KiB") {
                Scale::log(values)
            } else {
                Scale::linear(values)
            },
        };
        svg.text((left + 26.0, top + 20.0), Anchor::Start, "", curve.name);
        frame.axes(&mut svg, curve.over, curve.unit);
        let line = |value: fn(&crate::growth::Point) -> f64| -> Vec<_> {
            curve
                .points
                .iter()
                .map(|point| frame.point(point.x as f64, value(point)))
                .collect()
        };
        svg.path(&line(|point| point.ceiling), COLOURS[3]);
        svg.path(&line(|point| point.ours), COLOURS[0]);
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        for (value, text) in [
            (0.618, "0.62"),
            (9.996, "10.0"),
            (12.34, "12.3"),
            (435.2, "435"),
            (3296.4, "3,296"),
            (1234567.0, "1,234,567"),
        ] {
            assert_eq!(figure(value), text);
        }
    }
}
