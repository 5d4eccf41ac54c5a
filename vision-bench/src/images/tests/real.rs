use super::*;
use crate::real::real;
use std::time::Instant;

#[test]
fn the_real_subset_of_tiny_imagenet_is_read_in_both_layouts() -> Result<()> {
    let Some(set) = real("vision/tiny-imagenet-40") else { return Ok(()) };
    let data = DataSet::new(&[])?;
    let started = Instant::now();
    let directory = prepare_in(&data.cache(), &set, 0)?;
    let seconds = started.elapsed().as_secs_f64();
    let threads = rayon::current_num_threads();
    eprintln!("22,000 images in {seconds:.2} s on {threads} threads: {:.0} a second", 22_000.0 / seconds);
    let opened = opened(&directory)?;
    assert_eq!(opened.classes.len(), 40);
    assert_eq!((opened.train.len(), opened.validation.len()), (Some(20_000), Some(2_000)));
    assert!(opened.train_per_class.iter().all(|count| *count == 500), "{:?}", opened.train_per_class);
    assert_eq!(opened.typical_side, 64);
    assert!(
        opened.origin.description.contains("64 x 64 pixels; 375 greyscale, 0 CMYK"),
        "{}",
        opened.origin.description
    );
    assert!(opened.origin.description.contains("; 0 rejected"), "{}", opened.origin.description);
    eprintln!("{}", opened.origin.description);

    let sample = check(&set.join("folder-layout-sample"))?;
    assert_eq!((sample.train.pictures, sample.validation.pictures), (400, 160));
    Ok(())
}
