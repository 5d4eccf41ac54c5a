use super::*;

/// The steps one after the other over all pixels, as MODELS 1.1 has them, not clipped.
fn step_by_step(pixels: &[[f64; 3]], steps: &[Step]) -> Vec<[f64; 3]> {
    let mut pixels = pixels.to_vec();
    for step in steps {
        let n = pixels.len() as f64;
        let mean: [f64; 3] = std::array::from_fn(|c| pixels.iter().map(|x| x[c]).sum::<f64>() / n);
        for x in &mut pixels {
            let grey = 0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2];
            for c in 0..3 {
                x[c] = match *step {
                    Step::Brightness(v) => v * x[c],
                    Step::Contrast(v) => (x[c] - mean[c]) * v + mean[c],
                    Step::Saturation(v) => v * x[c] + (1.0 - v) * grey,
                    Step::Lighting(a) => {
                        x[c] + (0..3).map(|k| COMPONENTS[c][k] * a[k] * SCALES[k]).sum::<f64>()
                    }
                };
            }
        }
    }
    pixels
}

fn clipped_and_normalised(x: &[[f64; 3]]) -> Vec<f64> {
    x.iter().flat_map(|x| (0..3).map(|c| (x[c].clamp(0.0, 255.0) / 255.0 - MEAN[c]) / STD[c])).collect()
}

#[track_caller]
fn close(actual: f64, expected: f64) {
    assert!((actual - expected).abs() <= 1e-5 * expected.abs().max(1.0), "{actual} is not {expected}");
}

fn picture(side: usize) -> Vec<u8> {
    let mut random = Random::new("test picture", &[side as u64]);
    (0..3 * side * side).map(|_| random.below(256) as u8).collect()
}

fn as_pixels(bytes: &[u8]) -> Vec<[f64; 3]> {
    bytes.as_chunks::<3>().0.iter().map(|x| x.map(f64::from)).collect()
}

/// All orders of four things.
fn orders() -> Vec<[usize; 4]> {
    let all = (0..256).map(|i| [i / 64, i / 16 % 4, i / 4 % 4, i % 4]);
    all.filter(|order| (0..4).all(|k| order.contains(&k))).collect()
}

#[test]
fn the_vectors_of_the_specification_are_met() {
    let lit = Affine::compose(&[Step::Lighting([0.1, -0.2, 0.05])], [0.0; 3]);
    for (actual, expected) in lit.of([0.0; 3]).into_iter().zip([-3.814_064_2, -3.263_650_7, -2.546_502_5]) {
        assert!((actual - expected).abs() < 1e-6, "{actual} is not {expected}");
    }
    let bytes = [10, 20, 30, 200, 100, 50];
    assert_eq!(mean(&bytes), [105.0, 60.0, 40.0]);
    let tables = [
        (Step::Contrast(1.2), [[-9.0, 12.0, 28.0], [219.0, 108.0, 52.0]]),
        (Step::Saturation(0.8), [[11.63, 19.63, 27.63], [184.84, 104.84, 64.84]]),
        (Step::Brightness(1.1), [[11.0, 22.0, 33.0], [220.0, 110.0, 55.0]]),
    ];
    for (step, expected) in tables {
        let affine = Affine::compose(&[step], mean(&bytes));
        for (pixel, expected) in as_pixels(&bytes).into_iter().zip(expected) {
            for (actual, expected) in affine.of(pixel).into_iter().zip(expected) {
                assert!((actual - expected).abs() < 1e-6, "{actual} is not {expected}");
            }
        }
    }
}

#[test]
fn means_are_exact_for_any_number_of_pixels() {
    for pixels in [1, 15, 16, 17, 4096, 4097, 10_000] {
        let bytes: Vec<u8> = (0..3 * pixels).map(|i| [255, (i % 256) as u8, 7][i % 3]).collect();
        let green: u64 = bytes.iter().skip(1).step_by(3).map(|x| u64::from(*x)).sum();
        assert_eq!(mean(&bytes), [255.0, green as f64 / pixels as f64, 7.0], "{pixels} pixels");
    }
}

#[test]
fn one_pass_equals_the_steps_in_all_orders() {
    let bytes = picture(19);
    let mut random = Random::new("test", &[]);
    assert_eq!(orders().len(), 24);
    for order in orders() {
        let mut drawn = Step::draw(&mut random);
        drawn.sort_by_key(|step| match step {
            Step::Brightness(_) => 0,
            Step::Contrast(_) => 1,
            Step::Saturation(_) => 2,
            Step::Lighting(_) => 3,
        });
        let steps = order.map(|k| drawn[k]);
        let affine = Affine::compose(&steps, mean(&bytes));
        let expected = step_by_step(&as_pixels(&bytes), &steps);
        for (pixel, expected) in as_pixels(&bytes).into_iter().zip(&expected) {
            for (actual, expected) in affine.of(pixel).into_iter().zip(expected) {
                assert!((actual - expected).abs() < 1e-9, "{actual} is not {expected}");
            }
        }
        let mut out = vec![0.0; bytes.len()];
        affine.run(&bytes, 19, false, &mut out);
        for (actual, expected) in out.iter().zip(clipped_and_normalised(&expected)) {
            close(f64::from(*actual), expected);
        }
    }
}

#[test]
fn a_mirror_image_has_its_columns_in_reverse() {
    let bytes = picture(21);
    let (mut plain, mut mirrored) = (vec![0.0; bytes.len()], vec![0.0; bytes.len()]);
    Affine::IDENTITY.run(&bytes, 21, false, &mut plain);
    Affine::IDENTITY.run(&bytes, 21, true, &mut mirrored);
    for y in 0..21 {
        for x in 0..21 {
            let at = |x: usize| 3 * (21 * y + x)..3 * (21 * y + x) + 3;
            assert_eq!(plain[at(x)], mirrored[at(20 - x)]);
        }
    }
}

#[test]
fn steps_come_in_all_orders_with_strengths_in_their_range() {
    let mut random = Random::new("test", &[]);
    let mut seen = std::collections::BTreeSet::new();
    let mut square = 0.0;
    for _ in 0..2_000 {
        let mut order = String::new();
        for step in Step::draw(&mut random) {
            match step {
                Step::Brightness(v) | Step::Contrast(v) | Step::Saturation(v) => {
                    assert!((0.6..1.4).contains(&v), "{v}");
                }
                Step::Lighting(a) => square += a.iter().map(|a| a * a).sum::<f64>() / 6_000.0,
            }
            order += &format!("{step:?}")[..1];
        }
        seen.insert(order);
    }
    assert_eq!(seen.len(), 24);
    assert!((square - 0.01).abs() < 0.001, "{square}");
}
