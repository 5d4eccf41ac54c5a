//! What programs and people write into manifests.

use super::*;

#[test]
fn white_space_around_values_and_backslashes_are_no_part_of_them() -> Result<()> {
    let bench = Bench::manifests()?;
    for i in 6..9 {
        bench.put(&format!("wav/{i}.wav"), wav(&tone(8_000, i)))?;
    }
    bench.put(
        "train.csv",
        "speaker, text, path\nA, six, wav/6.wav\n A ,six , wav/6.wav \nB,seven,wav\\7.wav\n",
    )?;
    bench.put(
        "train-more.jsonl",
        "{\"audio\": \" wav\\\\8.wav\", \"text\": \"eight\", \"speaker\": \"B\"}\n\
         {\"audio\": \"no\\\\9.wav\", \"text\": \"nine\"}\n",
    )?;
    let speech = bench.open()?;
    assert_eq!(texts(&*speech.train), ["six", "seven", "eight"]);
    assert_eq!(rejected(&bench.check()?), ["no/9.wav has a transcript, but there is no such file"]);
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_file_may_really_be_called_so() -> Result<()> {
    let bench = Bench::manifests()?;
    for name in [" 6.wav", "a\\b.wav"] {
        bench.put(name, wav(&tone(8_000, 6)))?;
    }
    bench.put("train.csv", "path,text\n 6.wav,six\na\\b.wav,ab\n")?;
    assert_eq!(texts(&*bench.open()?.train), ["six", "ab"]);
    Ok(())
}
