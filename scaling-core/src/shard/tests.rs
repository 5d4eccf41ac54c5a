//! What every shard is, how shards relate, and which are refused.

use super::*;
use std::collections::BTreeSet;

struct Even(Option<u64>);
impl Pool for Even {
    fn len(&self) -> Option<u64> {
        self.0
    }
    fn weight(&self, item: u64) -> u64 {
        1 + item % 3
    }
    fn samples(&self) -> Option<u64> {
        self.0.map(|n| (0..n).map(|i| self.weight(i)).sum())
    }
}

fn draw(size: u64, mode: Mode, seed: u64) -> Shard {
    ShardSpec { size, mode, seed }.draw(&Even(Some(2000)), "data").unwrap()
}

#[test]
fn a_shard_is_a_pure_function_of_its_specification() {
    assert_eq!(draw(500, Mode::Independent, 1), draw(500, Mode::Independent, 1));
    assert_ne!(draw(500, Mode::Independent, 1), draw(500, Mode::Independent, 2));
    let other = ShardSpec { size: 500, mode: Mode::Independent, seed: 1 };
    assert_ne!(other.draw(&Even(Some(2000)), "other").unwrap(), draw(500, Mode::Independent, 1));
}

#[test]
fn the_shards_of_a_preset_halve() {
    assert_eq!(halves(1000, u64::MAX, 3), "1000,500,250");
    assert_eq!(halves(1000, 2, 3), "2,1,1");
}

#[test]
fn samples_reach_the_request_by_less_than_one_item() {
    for mode in [Mode::Independent, Mode::Disjoint, Mode::Nested] {
        let shard = draw(333, mode, 7);
        assert!((333..336).contains(&shard.samples));
        assert_eq!(shard.items.iter().collect::<BTreeSet<_>>().len(), shard.items.len());
    }
}

#[test]
fn nested_shards_are_prefixes_and_disjoint_ones_share_nothing() {
    let (small, large) = (draw(100, Mode::Nested, 3), draw(800, Mode::Nested, 3));
    assert_eq!(small.items, large.items[..small.items.len()]);
    let sets: Vec<BTreeSet<u64>> =
        [100, 200, 400, 800].map(|size| draw(size, Mode::Disjoint, 3).items.into_iter().collect()).into();
    for (i, a) in sets.iter().enumerate() {
        for b in &sets[i + 1..] {
            // Neighbouring ranges may share the one item on their border.
            assert!(a.intersection(b).count() <= 1);
        }
    }
}

/// Nine of ten items are of class 0.
struct Uneven;
impl Pool for Uneven {
    fn len(&self) -> Option<u64> {
        Some(1000)
    }
    fn weight(&self, _: u64) -> u64 {
        1
    }
    fn samples(&self) -> Option<u64> {
        Some(1000)
    }
    fn classes(&self) -> u64 {
        2
    }
    fn class(&self, item: u64) -> u64 {
        u64::from(item.is_multiple_of(10))
    }
    fn class_name(&self, class: u64) -> String {
        ["cat", "dog"][class as usize].to_owned()
    }
}

#[test]
fn every_class_gives_equally_many() {
    for mode in [Mode::Independent, Mode::Disjoint, Mode::Nested] {
        let shard = ShardSpec { size: 60, mode, seed: 1 }.draw(&Uneven, "data").unwrap();
        let rare = shard.items.iter().filter(|item| Uneven.class(**item) == 1).count();
        assert_eq!((shard.samples, shard.items.len(), rare), (60, 60, 30), "{mode:?}");
    }
    let refused = |size| {
        let spec = ShardSpec { size, mode: Mode::Nested, seed: 1 };
        spec.draw(&Uneven, "data").unwrap_err().to_string()
    };
    assert_eq!(
        refused(400),
        "a shard of 400 samples needs 200 of each class, but class dog has 100; choose smaller shards"
    );
    let message = refused(61);
    assert!(message.contains("equally many of 2 classes; choose a multiple of 2"), "{message}");
}

#[test]
fn too_large_a_shard_is_refused_and_an_endless_pool_never_is() {
    let spec = ShardSpec { size: 5000, mode: Mode::Independent, seed: 1 };
    let message = spec.draw(&Even(Some(2000)), "data").unwrap_err().to_string();
    assert!(message.contains("5000") && message.contains("choose smaller shards"), "{message}");
    assert!(spec.draw(&Even(None), "data").unwrap().samples >= 5000);
}

#[test]
fn a_disjoint_shard_that_fails_by_an_item_says_so() {
    let draw = |seed| ShardSpec { size: 1999, mode: Mode::Disjoint, seed }.draw(&Even(Some(2000)), "data");
    // 3,999 samples are there; whether the first 1,999 end with an item decides.
    assert!((0..100).any(|seed| draw(seed).is_ok()));
    let message = (0..100).find_map(|seed| draw(seed).err()).expect("a seed that skips more").to_string();
    assert_eq!(
        message,
        "a shard of 1999 samples (disjoint) needs 3998, and up to 2 items more since items stay whole, \
         but the training data hold 3999; choose smaller shards"
    );
}
