use super::*;
use std::collections::BTreeSet;

fn shapes(options: Options, seed: u64) -> Shapes {
    Shapes::training(options, seed).expect("valid options")
}

fn picture(shapes: &Shapes, index: u64) -> Picture {
    let mut out = Picture::default();
    shapes.read(index, &mut out);
    out
}

#[test]
fn a_picture_is_a_pure_function_of_seed_and_index() {
    let options = Options { classes: 100, ..Options::default() };
    let first = shapes(options, 1);
    let mut used = picture(&first, 5);
    first.read(17, &mut used);
    assert_eq!(used, picture(&first, 17));
    assert_eq!((used.width, used.height, used.pixels.len()), (32, 32, 3 * 32 * 32));
    let validation = Shapes::validation(options, 1).expect("valid options");
    let others = [picture(&shapes(options, 2), 17), picture(&first, 117), picture(&validation, 17)];
    assert!(others.iter().all(|other| *other != used));
    assert_eq!((first.len(), validation.len()), (None, Some(10_000)));
}

#[test]
fn the_first_pictures_are_those_of_this_version() {
    let shapes = shapes(Options::default(), 1);
    let labels: Vec<u32> = (0..12).map(|index| shapes.label(index)).collect();
    assert_eq!(labels, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 2, 1], "other labels raise `VERSION`");
    for (index, expected) in [341_124.0, 512_049.0, 303_078.0, 413_724.0].into_iter().enumerate() {
        // The sum, since other processors may round single values otherwise.
        let sum: f64 = picture(&shapes, index as u64).pixels.iter().map(|x| f64::from(*x)).sum();
        assert!((sum - expected).abs() < 4.0, "other pictures raise `VERSION`: {sum}");
    }
}

#[test]
fn labels_are_wrong_as_often_as_stated_and_then_any_other_class() {
    let options = Options { classes: 7, label_noise: 0.2, ..Options::default() };
    let shapes = shapes(options, 3);
    let n = 70_000;
    let mut counts = [[0_u32; 7]; 7];
    for index in 0..n {
        counts[(index % 7) as usize][shapes.label(index) as usize] += 1;
    }
    // Each of 10,000 pictures of a class: 5 standard deviations are 200 right ones, 90 of another class.
    for (shown, row) in counts.iter().enumerate() {
        for (label, count) in row.iter().enumerate() {
            let (expected, bound) = if shown == label { (8_000, 200) } else { (333, 90) };
            assert!(count.abs_diff(expected) < bound, "{shown} labelled {label}: {count}");
        }
    }
    // The best guesses reach the irreducible error.
    let right: u32 = (0..7).map(|k| counts[k][k]).sum();
    let error = 1.0 - f64::from(right) / n as f64;
    assert!((error - options.irreducible()).abs() < 0.008, "{error}");
}

#[test]
fn the_irreducible_error_is_the_noise_unless_another_label_is_the_best_guess() {
    for (classes, label_noise, expected) in [(10, 0.1, 0.1), (2, 0.5, 0.5), (2, 0.8, 0.2)] {
        let error = Options { classes, label_noise, ..Options::default() }.irreducible();
        assert!((error - expected).abs() < 1e-12, "{error} is not {expected}");
    }
    assert_eq!(Options { label_noise: 0.0, ..Options::default() }.irreducible(), 0.0);
}

#[test]
fn without_noise_labels_take_turns() {
    let options = Options { classes: 3, label_noise: 0.0, ..Options::default() };
    let labels: Vec<u32> = (0..7).map(|index| shapes(options, 1).label(index)).collect();
    assert_eq!(labels, [0, 1, 2, 0, 1, 2, 0]);
}

#[test]
fn options_out_of_range_are_refused_by_name() {
    let good = Options::default();
    let table = [
        (Options { classes: 1, ..good }, "2 to 100 classes, not 1"),
        (Options { classes: 101, ..good }, "2 to 100 classes, not 101"),
        (Options { side: 36, ..good }, "multiple of 8 from 16 to 1024, not 36"),
        (Options { label_noise: 1.0, ..good }, "from 0 to below 1, not 1"),
        (Options { label_noise: f64::NAN, ..good }, "from 0 to below 1, not NaN"),
    ];
    for (options, message) in table {
        let error = Shapes::training(options, 1).expect_err(message).to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn colours_differ_from_picture_to_picture() {
    let shapes = shapes(Options::default(), 1);
    let corners: BTreeSet<Vec<u8>> = (0..50).map(|i| picture(&shapes, 10 * i).pixels[..3].to_vec()).collect();
    assert!(corners.len() > 45);
}
