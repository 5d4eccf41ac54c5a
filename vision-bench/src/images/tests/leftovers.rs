//! What lies beside parts and classes: nothing that may be meant to count disappears silently.

use super::*;

const PACKED: &str = "is compressed; unpack it first, or move it away";

/// Two folders of classes below `below`, which is empty or ends in a slash.
fn classes(below: &str) -> Result<DataSet> {
    let data = DataSet::new(&[])?;
    add_classes(&data, below)?;
    Ok(data)
}

fn add_classes(data: &DataSet, below: &str) -> Result<()> {
    for (class, first) in [("cat", 0), ("dog", 10)] {
        for i in first..first + 2 {
            data.put(&format!("{below}{class}/{i}.png"), png(4, 4, i))?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn link_to_nothing(data: &DataSet, name: &str) -> Result<()> {
    let path = data.path(name);
    std::os::unix::fs::symlink("/no/such/place", &path).at("write", &path)
}

#[test]
fn no_class_disappears() -> Result<()> {
    for name in ["emu.zip", "emu.tar.gz", "emu.7z"] {
        for below in ["", "train/"] {
            let data = classes(below)?;
            data.put(&format!("{below}{name}"), "x")?;
            assert_eq!(data.error(), format!("SET/{below}{name} {PACKED}"));
        }
    }
    let data = classes("")?;
    for i in 0..2 {
        data.put(&format!("emu/emu/{i}.png"), png(4, 4, 20 + i))?;
        data.put(&format!("docs/set/train/emu/{i}.png"), png(4, 4, 30 + i))?;
    }
    data.put("test/cat/0.png", png(4, 4, 40))?;
    let opened = data.open()?;
    assert_eq!(opened.classes, ["cat", "dog", "emu"], "an archive was unpacked into a folder of its name");
    let note = "; docs is left out, being a data set of its own";
    assert!(opened.origin.description.ends_with(note), "{}", opened.origin.description);
    Ok(())
}

#[cfg(unix)]
#[test]
fn links_to_nothing_are_named() -> Result<()> {
    let why = "is a link that leads nowhere; mend or remove it";
    for name in ["emu", "train/emu", "train/val", "val"] {
        let data = classes(if name == "emu" { "" } else { "train/" })?;
        link_to_nothing(&data, name)?;
        assert_eq!(data.error(), format!("SET/{name} {why}"));
    }
    Ok(())
}

#[test]
fn a_validation_part_is_used_or_refused() -> Result<()> {
    for name in ["validate", "imagenet_val", "ILSVRC2012_val", "val_images", "Valid-2"] {
        let data = classes("train/")?;
        data.put(&format!("{name}/dog/v.png"), png(4, 4, 20))?;
        let opened = data.open()?;
        assert_eq!((labels(&*opened.validation), labels(&*opened.train).len()), (vec![1], 4), "{name}");
    }
    for name in ["val.tar.gz", "ILSVRC2012_img_val.tgz", "validation.zip"] {
        let data = classes("train/")?;
        data.put(name, "x")?;
        assert_eq!(data.error(), format!("SET/{name} {PACKED}"));
        // What it was unpacked from may stay, and of its own name goes without saying.
        data.put("val/dog/v.png", png(4, 4, 20))?;
        let description = data.open()?.origin.description;
        let note = if name == "val.tar.gz" {
            String::new()
        } else {
            format!("; {name} is left out, being compressed")
        };
        assert!(description.ends_with(&format!("; 0 rejected{note}")), "{description}");
    }
    let data = classes("train/")?;
    data.put("ILSVRC2012_bbox_val_v3.tgz", "x")?;
    data.put("train/dog.tar.gz", "x")?;
    let opened = data.open()?;
    let all = labels(&*opened.train).len() + labels(&*opened.validation).len();
    assert_eq!(all, 4, "boxes, and what a class was unpacked from, are passed over");
    let unclear = "may be meant as a part; name it `train`, `val` or `test` if it is one, else move it away";
    let data = classes("train/")?;
    data.put("animals_val/dog/v.png", png(4, 4, 20))?;
    assert_eq!(data.error(), format!("SET/animals_val {unclear}"));
    let data = classes("animals_train/")?;
    data.put("animals_val/dog/v.png", png(4, 4, 20))?;
    assert_eq!(data.error(), format!("SET/animals_train {unclear}"));
    Ok(())
}

#[test]
fn all_that_is_left_out_is_noted() -> Result<()> {
    let data = DataSet::folders()?;
    data.put("evaluation/cat/a.png", png(4, 4, 30))?;
    data.put("old/cat/a.png", png(4, 4, 31))?;
    data.put("val_of_old/cat/a.png", png(4, 4, 32))?;
    data.put("more.tar", "x")?;
    data.put("train.tar.gz", "x")?;
    data.put("ILSVRC2012_devkit_t12/readme.txt", "x")?;
    let opened = data.open()?;
    assert_eq!(opened.test.as_deref().map(labels), Some(vec![0]));
    let unknown = "is left out, being no known part";
    let notes = format!("; 0 rejected; more.tar {unknown}; old {unknown}; val_of_old {unknown}");
    assert!(opened.origin.description.ends_with(&notes), "{}", opened.origin.description);
    Ok(())
}

#[test]
fn folders_that_a_class_joins_are_noted() -> Result<()> {
    let remedy = "which have to be moved up if each is a class";
    for below in ["", "train/"] {
        let data = classes(below)?;
        for (folder, i) in [("owl", 20), ("robin", 30)] {
            data.put(&format!("{below}birds/{folder}/a.png"), png(4, 4, i))?;
            data.put(&format!("{below}fish/images/{folder}.png"), png(4, 4, i + 1))?;
        }
        let description = data.open()?.origin.description;
        let note = format!("; 0 rejected; class birds joins the pictures of 2 folders, {remedy}");
        assert!(description.ends_with(&note), "{description}");
        for (folder, i) in [("old", 40), ("new", 50), ("newer", 60)] {
            data.put(&format!("{below}dog/{folder}/a.png"), png(4, 4, i))?;
        }
        let description = data.open()?.origin.description;
        let note = format!("birds joins the pictures of 2 folders (more such classes: 1), {remedy}");
        assert!(description.ends_with(&note), "{description}");
    }
    Ok(())
}

#[test]
fn folders_that_scripts_leave_in_parts_do_no_harm() -> Result<()> {
    let data = DataSet::folders()?;
    fs::create_dir(data.path("val/images")).at("write", &data.path(""))?;
    data.put("test/unknown/a.png", png(4, 4, 30))?;
    let opened = data.open()?;
    assert_eq!(labels(&*opened.validation), [0, 1]);
    assert!(opened.test.is_none());
    let note = "; the test part is left out: its class unknown is not among the training classes";
    assert!(opened.origin.description.ends_with(note), "{}", opened.origin.description);
    Ok(())
}

#[test]
fn a_directory_too_high_is_noticed() -> Result<()> {
    let expected = "expected train/CLASS/*.JPEG, ILSVRC2012_img_train (a directory or a .tar) or a folder for each class";
    for below in ["imagenette2-160", "ILSVRC/Data/CLS-LOC"] {
        let data = classes(&format!("{below}/train/"))?;
        data.put("ILSVRC/Annotations/CLS-LOC/train/cat/a.xml", "x")?;
        let meant = format!("did you mean SET/{below}?");
        assert_eq!(data.error(), format!("SET/ holds no training pictures: {expected}; {meant}"));
    }
    let one = "SET/ has 1 training class; at least 2 are needed; did you mean SET/";
    assert_eq!(classes("train/train/")?.error(), format!("{one}train?"));
    assert_eq!(classes("pets/")?.error(), format!("{one}pets?"));
    Ok(())
}

#[test]
fn archives_of_folders_are_to_be_unpacked() -> Result<()> {
    let folders = tar(&[("cat/a.png", png(4, 4, 1)), ("dog/b.png", png(4, 4, 2))]);
    let data = DataSet::new(&[])?;
    data.put("train.tar", &folders)?;
    assert_eq!(data.error(), "SET/train.tar holds folders; unpack it and move it away");
    let data = classes("train/")?;
    data.put("val.tar", &folders)?;
    assert_eq!(data.error(), "SET/val.tar holds folders; unpack it and move it away");
    Ok(())
}

#[test]
fn a_rare_class_is_warned_of() -> Result<()> {
    let data = DataSet::folders()?;
    assert!(data.open()?.origin.warnings.is_empty());
    for i in 20..29 {
        data.put(&format!("train/cat/{i}.png"), png(4, 4, i))?;
    }
    let warning = "class dog has 3 of 15 training images and limits shards to 6: all classes are equally frequent in \
                   them; add images of it, or remove it";
    assert_eq!(data.open()?.origin.warnings, [warning]);
    for i in 30..36 {
        data.put(&format!("train/dog/{i}.png"), png(4, 4, 20))?;
    }
    let warning =
        "29 % of the training images repeat others, and each counts as a sample; remove what repeats";
    assert_eq!(data.open()?.origin.warnings, [warning]);
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_look_alike_are_named() -> Result<()> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let data = classes("train/")?;
    for name in [b"caf\xe8", b"caf\xe9"] {
        let path = data.path("train").join(OsStr::from_bytes(name));
        fs::create_dir(&path).at("write", &path)?;
    }
    let why = "more than once as its names are shown, which are not UTF-8; rename them";
    assert_eq!(data.error(), format!("SET/train holds class caf\u{fffd} {why}"));
    Ok(())
}

#[test]
fn the_labels_of_kaggle_are_read_from_the_top() -> Result<()> {
    let solution = "ImageId,PredictionString\nv_1,cat 1 2 3 4 \nv_2,dog 1 2 3 4 dog 5 6 7 8 \n";
    let data = classes("ILSVRC/Data/CLS-LOC/train/")?;
    for i in 1..3 {
        data.put(&format!("ILSVRC/Data/CLS-LOC/val/v_{i}.JPEG"), jpeg(8, 8, i))?;
    }
    data.put("LOC_val_solution.csv", solution)?;
    let parts = data.path("ILSVRC/Data/CLS-LOC");
    let directory = prepare_in(&data.cache(), &parts, 0)?;
    assert_eq!(labels(&*opened(&directory)?.validation), [0, 1]);
    fs::rename(data.path("LOC_val_solution.csv"), parts.join("LOC_val_solution.csv")).at("write", &parts)?;
    assert_eq!(check(&parts)?.validation.pictures, 2, "beside the parts");
    Ok(())
}
