use super::*;

#[test]
fn unusable_files_are_listed_and_not_counted() -> Result<()> {
    let data = DataSet::folders()?;
    data.put("train/cat/text.JPEG", "text")?;
    data.put("train/cat/empty.JPEG", "")?;
    data.put("train/dog/cut.JPEG", &jpeg(40, 30, 3)[..400])?;
    data.put("train/dog/a\nb.gif", "GIF89a")?;
    data.put("train/loose.JPEG", jpeg(4, 4, 0))?;
    data.put("train/dog/png.JPEG", png(4, 4, 0))?;
    data.put("train/dog/same.JPEG", jpeg(20, 16, 0))?;
    data.put("val/dog/same.JPEG", jpeg(20, 16, 0))?;
    fs::create_dir(data.path("train/dog/z.JPEG")).at("write", &data.path(""))?;
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", data.path("train/dog/gone.JPEG")).at("write", &data.path(""))?;
    let summary = data.check()?;
    assert_eq!((summary.train.pictures, summary.train.fewest, summary.train.most), (8, 3, 5));
    assert_eq!((summary.overlap.validation, summary.repeated, summary.rejected.len()), (1, 1, 6));
    let text = fs::read_to_string(data.prepare(0)?.join("quarantine.txt")).at("read", &data.path(""))?;
    assert_eq!(
        text,
        "train/dog/a\\nb.gif\tis not named .jpg, .jpeg or .png\n\
         train/dog/gone.JPEG\tcannot be read: No such file or directory (os error 2)\n\
         train/loose.JPEG\tlies in no folder of a class\n\
         train/cat/empty.JPEG\tis empty\n\
         train/cat/text.JPEG\tis neither a JPEG nor a PNG file\n\
         train/dog/cut.JPEG\tis cut off: a JPEG without its end\n"
    );
    assert!(
        summary.to_string().contains("6 rejected: train/dog/a\\nb.gif (is not named .jpg, .jpeg or .png), ")
    );
    assert!(summary.to_string().ends_with(" and 3 more"));
    Ok(())
}

#[test]
fn members_that_lead_elsewhere_are_not_followed() -> Result<()> {
    let data = DataSet::folders()?;
    let mut archive = tar::Builder::new(Vec::new());
    let mut add = |name: &[u8], kind: tar::EntryType, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        assert!(header.set_link_name("/etc/passwd").is_ok());
        header.set_cksum();
        assert!(archive.append(&header, bytes).is_ok());
    };
    use tar::EntryType;
    add(b"../out.JPEG", EntryType::Regular, &jpeg(4, 4, 1));
    add(b"/etc/root.JPEG", EntryType::Regular, &jpeg(4, 4, 2));
    add(b"link.JPEG", EntryType::Symlink, b"");
    add(b"hard.JPEG", EntryType::Link, b"");
    add(b"device.JPEG", EntryType::Char, b"");
    add(b"folder/", EntryType::Directory, b"");
    add(b"folder/fine.JPEG", EntryType::Regular, &jpeg(4, 4, 3));
    data.put("train/emu.tar", archive.into_inner().at("write", &data.path(""))?)?;
    let summary = data.check()?;
    assert_eq!((summary.classes, summary.train.fewest), (3, 1));
    let listed: Vec<String> = summary.rejected.iter().map(|r| format!("{} {}", r.name, r.reason)).collect();
    assert_eq!(
        listed,
        [
            "train/emu.tar: ../out.JPEG its path leads out of the archive",
            "train/emu.tar: /etc/root.JPEG its path leads out of the archive",
            "train/emu.tar: link.JPEG is a link",
            "train/emu.tar: hard.JPEG is a link",
            "train/emu.tar: device.JPEG is a device",
        ]
    );
    Ok(())
}

#[test]
fn damaged_archives_are_named() -> Result<()> {
    let message = |bytes: &[u8]| -> Result<String> {
        let data = DataSet::folders()?;
        data.put("train/emu.tar", bytes)?;
        Ok(data.error())
    };
    let whole = tar(&[("a.JPEG", jpeg(30, 30, 1)), ("b.JPEG", jpeg(30, 30, 2))]);
    let again = "copy or download it again";
    assert_eq!(
        message(&whole[..whole.len() - 2_000])?,
        format!("SET/train/emu.tar is cut off inside b.JPEG; {again}")
    );
    assert_eq!(message(&whole[..300])?, format!("SET/train/emu.tar is cut off inside a header; {again}"));
    assert_eq!(
        message(&whole[..whole.len() - 1_024])?,
        format!("SET/train/emu.tar is cut off before its end mark; {again}")
    );
    assert_eq!(message(b"")?, format!("SET/train/emu.tar is cut off before its end mark; {again}"));
    assert!(message(&[b'x'; 2_000])?.starts_with("cannot read SET/train/emu.tar as a tar archive: "));
    assert_eq!(
        message(b"\x1f\x8b\x08 and so on")?,
        "SET/train/emu.tar is compressed; decompress it first (it stays a tar)"
    );
    assert_eq!(
        message(&[0; 1_024])?,
        "SET/train/emu.tar holds no usable picture, but is a training class; fill or remove it"
    );
    assert_eq!(
        message(&tar(&[("a.tar", whole.clone())]))?,
        "SET/train/emu.tar holds archives; pictures were expected"
    );
    let nested = DataSet::new(&[])?;
    nested.put(
        "ILSVRC2012_img_train.tar",
        tar(&[("n01.tar", whole.clone()), ("n02.tar", whole[..700].to_vec())]),
    )?;
    assert_eq!(
        nested.error(),
        format!("SET/ILSVRC2012_img_train.tar: n02.tar is cut off inside a.JPEG; {again}")
    );
    nested.put("ILSVRC2012_img_train.tar", &whole)?;
    assert_eq!(nested.error(), "SET/ILSVRC2012_img_train.tar holds pictures, but no archive of a class");
    Ok(())
}

#[test]
fn labels_that_do_not_fit_are_named() -> Result<()> {
    let message = |files: &[(&str, &str)]| -> Result<String> {
        let data = DataSet::new(&[])?;
        for class in ["a", "b"] {
            data.put(&format!("train/{class}/x.png"), png(4, 4, 1))?;
        }
        for i in 1..=3 {
            data.put(&format!("val/v{i}.png"), png(4, 4, i))?;
        }
        for (name, text) in files {
            data.put(name, text)?;
        }
        Ok(data.error())
    };
    assert_eq!(
        message(&[])?,
        "SET/val has no labels: put imagenet_2012_validation_synset_labels.txt, LOC_val_solution.csv, \
         val_annotations.txt, or ILSVRC2012_validation_ground_truth.txt with its wnids.txt, into SET/"
    );
    let names = "synset_labels.txt";
    let count = "SET/synset_labels.txt has 2 labels for the 3 pictures of SET/val; they must be as many";
    assert_eq!(message(&[(names, "a\nb\n")])?, count);
    let foreign = "SET/synset_labels.txt line 2: class c is not among the training classes";
    assert_eq!(message(&[(names, "a\nc\na\n")])?, foreign);
    assert_eq!(message(&[(names, "a\n\na\n")])?, "SET/synset_labels.txt line 2: a blank line between labels");
    let by_name = "val/val_annotations.txt";
    let missing = "SET/val/val_annotations.txt has no label for v2.png of SET/val";
    assert_eq!(message(&[(by_name, "v1.png\ta\nv3.png\ta\n")])?, missing);
    let surplus = "SET/val/val_annotations.txt line 4: SET/val has no picture v4.png";
    assert_eq!(message(&[(by_name, "v1.png\ta\nv2.png\ta\nv3.png\ta\nv4.png\ta\n")])?, surplus);
    let spaces =
        "SET/val/val_annotations.txt line 1: a picture and its class, with a tab between, were expected";
    assert_eq!(message(&[(by_name, "v1.png a\n")])?, spaces);
    let comma =
        "SET/LOC_val_solution.csv line 2: a picture and its class, with a comma between, were expected";
    assert_eq!(message(&[("LOC_val_solution.csv", "ImageId,PredictionString\nv1 a 1 2 3 4\n")])?, comma);
    assert_eq!(
        message(&[(names, "a\nb\na\n"), (by_name, "v1.png\ta\nv2.png\ta\nv3.png\ta\n")])?,
        "SET/synset_labels.txt and SET/val/val_annotations.txt give v2.png different classes; remove the file \
         that is wrong"
    );
    Ok(())
}

#[test]
fn a_picture_that_would_shift_labels_is_named() -> Result<()> {
    let data = DataSet::new(&[])?;
    for class in ["a", "b"] {
        data.put(&format!("train/{class}/x.png"), png(4, 4, 1))?;
    }
    // The third is missing.
    for i in (1..12).filter(|i| *i != 3) {
        data.put(&format!("val/ILSVRC2012_val_{i:08}.JPEG"), jpeg(8, 8, i))?;
    }
    data.put("synset_labels.txt", "a\n".repeat(6) + &"b\n".repeat(5))?;
    let why = "is not numbered as nearly all others are; move it away, or number it as they are";
    for odd in ["Folder.jpg", "ILSVRC2012_val_00000002 (1).JPEG", "ILSVRC2012_val_00000002-2.JPEG"] {
        data.put(&format!("val/{odd}"), jpeg(8, 8, 7))?;
        let order = "SET/synset_labels.txt gives the classes of pictures by their order";
        assert_eq!(data.error(), format!("{order}, but {odd} of SET/val {why}"));
        fs::remove_file(data.path("val").join(odd)).at("remove", &data.path("val"))?;
    }
    // A part of the pictures, with labels of its own.
    data.put("synset_labels.txt", "a\na\n".to_owned() + &"b\n".repeat(8))?;
    assert_eq!(labels(&*data.open()?.validation), [0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
    // Names that are no numbers have an order as well.
    for odd in ["cover", "detail"] {
        data.put(&format!("val/{odd}.jpg"), jpeg(8, 8, 12))?;
    }
    data.put("synset_labels.txt", "a\na\n".to_owned() + &"b\n".repeat(8) + "b\na\n")?;
    assert_eq!(labels(&*data.open()?.validation), [0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
    Ok(())
}

#[test]
fn a_picture_of_another_name_may_have_a_label_of_its_own() -> Result<()> {
    let data = DataSet::new(&[])?;
    for class in ["cat", "dog"] {
        data.put(&format!("train/{class}/x.png"), png(4, 4, 1))?;
    }
    for (i, name) in (1..10).map(|i| format!("cat_{i}")).chain(["dog_1".to_owned()]).enumerate() {
        data.put(&format!("val/{name}.png"), png(4, 4, i as u32))?;
    }
    data.put("synset_labels.txt", "cat\n".repeat(9))?;
    let error = data.error();
    assert!(error.contains("dog_1.png of SET/val is not numbered as nearly all others are"), "{error}");
    data.put("synset_labels.txt", "cat\n".repeat(9) + "dog\n")?;
    assert_eq!(labels(&*data.open()?.validation), [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    Ok(())
}

#[test]
fn unusable_data_sets_are_one_line() -> Result<()> {
    let data = DataSet::new(&[])?;
    let expected = "expected train/CLASS/*.JPEG, ILSVRC2012_img_train (a directory or a .tar) or a folder for each class";
    assert_eq!(data.error(), format!("SET/ holds no training pictures: {expected}"));
    data.put("train/cat/a.JPEG", jpeg(4, 4, 0))?;
    assert_eq!(data.error(), "SET/ has 1 training class; at least 2 are needed");
    fs::create_dir(data.path("train/dog")).at("write", &data.path(""))?;
    assert_eq!(
        data.error(),
        "SET/train/dog holds no usable picture, but is a training class; fill or remove it"
    );
    data.put("train/dog/b.JPEG", jpeg(4, 4, 1))?;
    assert_eq!(
        data.error(),
        "SET/: class cat has one picture; to hold one out for validation takes at least 2"
    );
    data.put("val/emu/c.JPEG", jpeg(4, 4, 2))?;
    assert_eq!(data.error(), "SET/val/emu: class emu is not among the training classes");
    fs::rename(data.path("val/emu"), data.path("val/cat")).at("write", &data.path(""))?;
    data.put("train/dog/b.JPEG", "text")?;
    assert_eq!(data.error(), "SET/: class dog has no usable training picture");
    data.put("train/cat/a.JPEG", "text")?;
    assert_eq!(
        data.error(),
        "SET/: the train part has no usable picture: of 2 none can be decoded; train/cat/a.JPEG is neither a \
         JPEG nor a PNG file"
    );
    data.put("training/cat/a.JPEG", "text")?;
    assert_eq!(data.error(), "SET/train and SET/training are both training parts; remove or rename one");

    let flat = DataSet::new(&[])?;
    flat.put("train/a.JPEG", jpeg(4, 4, 0))?;
    flat.put("val/b.JPEG", jpeg(4, 4, 0))?;
    assert_eq!(
        flat.error(),
        "SET/train holds pictures, but no folder of a class; give each class a folder of its own"
    );
    let file = check(&flat.path("train/a.JPEG")).unwrap_err().to_string();
    assert!(
        file.ends_with(
            "a.JPEG is a file; give the directory that holds the training and validation pictures"
        )
    );
    let missing = check(Path::new("/no/such/set")).unwrap_err().to_string();
    assert_eq!(missing, "cannot read /no/such/set: No such file or directory (os error 2)");
    Ok(())
}
