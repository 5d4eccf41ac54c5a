use super::*;

/// Archives of two classes of three pictures each.
fn class_tars() -> [(&'static str, Vec<u8>); 2] {
    let of = |class: &str, first: u32| -> Vec<u8> {
        let name = |i: u32| format!("{class}_{i}.JPEG");
        let names: Vec<String> = (first..first + 3).map(name).collect();
        let files: Vec<(&str, Vec<u8>)> =
            names.iter().zip(first..).map(|(name, i)| (name.as_str(), jpeg(20, 16, i))).collect();
        tar(&files)
    };
    [("n01", of("n01", 0)), ("n02", of("n02", 10))]
}

fn validation_tar() -> Vec<u8> {
    // Not in the order of the bytes of the names: 8, 26, 100.
    tar(&[("v_8.JPEG", jpeg(8, 8, 1)), ("v_26.JPEG", jpeg(8, 8, 2)), ("v_100.JPEG", jpeg(8, 8, 3))])
}

fn ilsvrc() -> Result<DataSet> {
    let data = DataSet::new(&[])?;
    for (class, bytes) in class_tars() {
        data.put(&format!("ILSVRC2012_img_train/{class}.tar"), bytes)?;
    }
    data.put("ILSVRC2012_img_val.tar", validation_tar())?;
    Ok(data)
}

#[test]
fn class_folders_are_read_in_sorted_order() -> Result<()> {
    let data = DataSet::folders()?;
    data.put("test/dog/a.jpg", jpeg(5, 5, 0))?;
    data.put("train/.DS_Store", "x")?;
    data.put("train/cat/cat_boxes.txt", "x")?;
    let opened = data.open()?;
    assert_eq!(opened.classes, ["cat", "dog"]);
    assert_eq!(labels(&*opened.train), [0, 0, 0, 1, 1, 1]);
    assert_eq!(labels(&*opened.validation), [0, 1]);
    assert_eq!(opened.test.as_deref().map(labels), Some(vec![1]));
    assert_eq!(opened.train_per_class, [3, 3]);
    assert_eq!(opened.typical_side, 16);
    // PNG is without loss.
    let (picture, _) = &all(&*opened.validation)[1];
    assert_eq!((picture.width, picture.height), (9, 7));
    assert_eq!(picture.pixels, pixels(9, 7, 15).into_raw());
    assert_eq!(
        opened.origin.description,
        "train 6 images, 3 a class; validation 2 images, 1 a class; test 1 images, 0-1 a class; 2 classes; \
         5 x 5 to 20 x 16 pixels; 0 greyscale, 0 CMYK; 0 validation images occur in training too, 0 \
         test images in training or validation, 0 training images repeat another; 0 rejected"
    );
    Ok(())
}

#[test]
fn archives_of_classes_give_what_folders_give() -> Result<()> {
    let data = ilsvrc()?;
    data.put("ILSVRC2012_validation_synset_labels.txt", "n02\nn01\r\nn02\n\n")?;
    let directory = data.open()?;
    assert_eq!(labels(&*directory.validation), [1, 0, 1]);
    assert_eq!(
        examine(&data.path(""))?.0,
        [
            "training files: ILSVRC2012_img_train/n01.tar, ILSVRC2012_img_train/n02.tar",
            "validation files: ILSVRC2012_img_val.tar, ILSVRC2012_validation_synset_labels.txt"
        ]
    );

    let nested = DataSet::new(&[])?;
    let [a, b] = class_tars();
    nested.put("ILSVRC2012_img_train.tar", tar(&[("n02.tar", b.1), ("./n01.tar", a.1)]))?;
    nested.put("ILSVRC2012_img_val.tar", validation_tar())?;
    nested.put("imagenet_2012_validation_synset_labels.txt", "n02\nn01\nn02")?;
    let nested = nested.open()?;
    assert_eq!(nested.origin.fingerprint, directory.origin.fingerprint);
    assert_eq!(all(&*nested.train), all(&*directory.train));

    let folders = DataSet::new(&[])?;
    for (class, first) in [("n01", 0), ("n02", 10)] {
        for i in first..first + 3 {
            folders.put(&format!("train/{class}/images/{class}_{i}.JPEG"), jpeg(20, 16, i))?;
        }
    }
    for (name, seed) in [("v_8.JPEG", 1), ("v_26.JPEG", 2), ("v_100.JPEG", 3)] {
        folders.put(&format!("val/images/{name}"), jpeg(8, 8, seed))?;
    }
    folders.put("val/val_annotations.txt", "v_100.JPEG\tn02\t0\t1\t2\t3\nv_26.JPEG\tn01\nv_8.JPEG\tn02\n")?;
    folders.put("test/images/test_0.JPEG", jpeg(8, 8, 4))?;
    let folders = folders.open()?;
    assert_eq!(folders.origin.fingerprint, directory.origin.fingerprint, "Tiny ImageNet's layout, unpacked");
    assert!(folders.test.is_none());
    assert!(
        folders.origin.description.ends_with("; test has no labels and is left out"),
        "{}",
        folders.origin.description
    );
    Ok(())
}

#[test]
fn numbers_of_classes_need_their_order() -> Result<()> {
    let data = ilsvrc()?;
    let numbers = "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt";
    data.put(numbers, "1\n2\n1\n")?;
    assert_eq!(
        data.error(),
        format!(
            "SET/{numbers} gives classes by number, and their order is not that of their names; write the list \
             of the classes beside it, from the kit's meta.mat: python3 -c \"from scipy.io import loadmat; \
             [print(s['WNID'], int(s['ILSVRC2012_ID'])) for s in loadmat('meta.mat', squeeze_me=True)\
             ['synsets']]\" > wnids.txt"
        )
    );
    data.put("wnids.txt", "n02\nn01\n")?;
    assert_eq!(labels(&*data.open()?.validation), [1, 0, 1]);
    fs::remove_file(data.path("wnids.txt")).at("remove", &data.path("wnids.txt"))?;
    data.put("map_clsloc.txt", "n01 2 cat\nn02 1 dog\n")?;
    assert_eq!(labels(&*data.open()?.validation), [1, 0, 1]);
    data.put(numbers, "1\n2\n3\n")?;
    let error = DataSet::check(&data).unwrap_err().to_string();
    assert!(error.contains(" line 3: ") && error.ends_with("map_clsloc.txt has no class `3`"), "{error}");
    let sorted = (0..1000).map(|i| format!("n{i:03}\n")).collect::<Vec<_>>().concat();
    fs::remove_file(data.path("map_clsloc.txt")).at("remove", &data.path("map_clsloc.txt"))?;
    data.put("synsets.txt", sorted)?;
    let error = DataSet::check(&data).unwrap_err().to_string();
    assert!(error.contains("is not that of ILSVRC2012's numbers"), "{error}");
    Ok(())
}

#[test]
fn the_order_of_labels_needs_one_folder() -> Result<()> {
    let data = ilsvrc()?;
    data.put("ILSVRC2012_validation_synset_labels.txt", "n01\nn02\n")?;
    let names = ["val/n02/v_1.JPEG", "val/n01/v_2.JPEG"];
    data.put("ILSVRC2012_img_val.tar", tar(&names.map(|name| (name, jpeg(8, 8, 1)))))?;
    assert!(
        data.error().contains("by their order, but those of SET/ILSVRC2012_img_val.tar lie in 2 folders")
    );
    Ok(())
}

#[cfg(unix)]
#[test]
fn labels_of_files_that_cannot_be_read_fall_out() -> Result<()> {
    let data = ilsvrc()?;
    fs::remove_file(data.path("ILSVRC2012_img_val.tar")).at("remove", &data.path(""))?;
    data.put("val/v_1.JPEG", jpeg(8, 8, 1))?;
    std::os::unix::fs::symlink("nowhere", data.path("val/v_2.JPEG")).at("write", &data.path(""))?;
    data.put("val/v_3.JPEG", jpeg(8, 8, 3))?;
    data.put("synset_labels.txt", "n01\nn01\nn02\n")?;
    assert_eq!(labels(&*data.open()?.validation), [0, 1]);
    Ok(())
}

#[test]
fn parts_are_known_by_their_first_word() -> Result<()> {
    let data = ilsvrc()?;
    data.put("synset_labels.txt", "n01\nn01\nn02\n")?;
    data.put("ILSVRC2012_img_test_v10102019.tar", tar(&[("test/t_1.JPEG", jpeg(8, 8, 1))]))?;
    data.put("ILSVRC2012_img_test.tar", tar(&[("test/t_2.JPEG", jpeg(8, 8, 2))]))?;
    data.put("extra/a.JPEG", jpeg(8, 8, 1))?;
    let description = data.open()?.origin.description;
    assert!(description.contains("; 2 classes; "), "{description}");
    for name in ["ILSVRC2012_img_test.tar", "ILSVRC2012_img_test_v10102019.tar"] {
        assert!(description.contains(&format!("; {name} has no labels and is left out")), "{description}");
    }
    assert!(description.ends_with("; extra is left out, being no known part"), "{description}");

    // Beside class folders nothing named `test` is a class, but `test-tube` is one.
    let data = DataSet::new(&[])?;
    for (folder, i) in [("cat", 0), ("dog", 1), ("test-tube", 2), ("test", 3)] {
        for k in 0..2 {
            data.put(&format!("{folder}/{k}.png"), png(4, 4, 2 * i + k))?;
        }
    }
    assert_eq!(data.open()?.classes, ["cat", "dog", "test-tube"]);
    Ok(())
}

#[test]
fn folders_without_parts_are_split_by_class() -> Result<()> {
    let data = DataSet::new(&[])?;
    for (class, count) in [("train", 25), ("val", 5), ("bus", 2)] {
        for i in 0..count {
            data.put(&format!("{class}/{i}.png"), png(4, 4, i + 7 * count))?;
        }
    }
    data.put("docs/deep/readme.txt", "no class")?;
    let opened = data.open()?;
    assert_eq!(opened.classes, ["bus", "train", "val"], "a class may bear any name");
    assert!(
        opened.origin.description.ends_with("; docs is left out, holding no pictures"),
        "{}",
        opened.origin.description
    );
    assert_eq!(opened.train_per_class, [1, 23, 4]);
    assert_eq!(labels(&*opened.validation), [0, 1, 1, 2]);
    assert!(opened.origin.description.contains("validation (held out) 4 images, 1-2 a class"));
    let of = |seed| -> Result<String> { Ok(super::opened(&data.prepare(seed)?)?.origin.fingerprint) };
    assert_eq!(of(0)?, opened.origin.fingerprint);
    assert_ne!(of(1)?, opened.origin.fingerprint, "another seed, another split");

    let tars = DataSet::new(&[])?;
    for (class, bytes) in class_tars() {
        tars.put(&format!("{class}.tar"), bytes)?;
    }
    assert_eq!(tars.open()?.train_per_class, [2, 2]);
    Ok(())
}

#[test]
fn a_second_call_finds_the_first_and_a_change_does_not() -> Result<()> {
    let data = DataSet::folders()?;
    let first = data.prepare(0)?;
    assert_eq!(data.prepare(1)?, first, "the seed does not matter where there is a validation part");
    data.put("train/cat/another.JPEG", jpeg(4, 4, 9))?;
    assert_ne!(data.prepare(0)?, first);
    let pixels = first.join("train.pixels");
    fs::write(&pixels, [0]).at("write", &pixels)?;
    let error = opened(&first).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("train.pixels is damaged; remove the directory"), "{error}");
    Ok(())
}

#[test]
fn the_store_does_not_depend_on_the_number_of_threads() -> Result<()> {
    let data = DataSet::new(&[])?;
    for i in 0..300 {
        data.put(&format!("train/{}/{i}.JPEG", i % 3), jpeg(12 + i % 5, 10, i))?;
    }
    data.put("train/0/bad.JPEG", "text")?;
    data.put("val/1/a.png", png(5, 5, 1))?;
    let of = |threads: usize, cache: &str| -> Result<[Vec<u8>; 4]> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|error| Error::failed(error.to_string()))?;
        let directory = pool.install(|| prepare_in(&data.cache().join(cache), &data.path(""), 0))?;
        let read = |name: &str| fs::read(directory.join(name)).at("read", &directory);
        Ok([read("train.pixels")?, read("train.index")?, read("meta.json")?, read("quarantine.txt")?])
    };
    let one = of(1, "one")?;
    assert_eq!(of(5, "five")?, one);
    assert_eq!(one[3], b"train/0/bad.JPEG\tis neither a JPEG nor a PNG file\n");
    Ok(())
}
