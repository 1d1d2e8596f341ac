//! Pages: their limit, their chain, and what they say at the ends.

use event::{After, Position, Seq};

use super::{
    Harness,
    stage::{ALL, Stage, WIDE},
};
use crate::PageLimit;

pub(super) async fn pages_walk_the_whole_log(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let acknowledged = stage.append(20).await;
    for limit in [1, 3, 20, 21] {
        let limit = PageLimit::clamped(limit);
        let mut ids = Vec::new();
        let mut page = stage.page(After::Oldest, limit).await;
        loop {
            assert_eq!(page.gap, None);
            ids.extend(page.events.iter().map(|event| event.id));
            if !page.has_more() {
                break;
            }
            let next = page.next;
            page = stage.page(After::At(next), limit).await;
            assert_eq!(page.after, next, "a page begins where the one before ended");
        }
        assert_eq!(ids, acknowledged.iter().map(|r| r.id).collect::<Vec<_>>());
        assert_eq!(page.next, page.head);
    }
}

pub(super) async fn a_page_keeps_its_limit(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let acknowledged = stage.append(10).await;
    for limit in 1..12 {
        let page = stage.page(After::Oldest, PageLimit::clamped(limit)).await;
        let count = limit.min(10);
        assert_eq!(page.events.len(), count);
        assert_eq!(page.next, acknowledged[count - 1].position);
        assert_eq!(page.has_more(), count < 10);
        assert_eq!(page.head, acknowledged[9].position);
    }
}

pub(super) async fn a_page_at_the_head_is_empty_and_goes_on(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let head = stage.append(3).await[2].position;
    for after in [After::Head, After::At(head)] {
        let page = stage.page(after, ALL).await;
        assert!(page.events.is_empty() && page.gap.is_none() && !page.has_more());
        assert_eq!((page.after, page.next, page.head), (head, head, head));
    }
    let later = stage.append(1).await[0];
    let page = stage.page(After::At(head), ALL).await;
    assert_eq!(page.events.iter().map(|e| e.id).collect::<Vec<_>>(), [later.id]);
}

pub(super) async fn an_empty_log_pages_without_a_gap(harness: &dyn Harness) {
    let stage = Stage::start(harness, WIDE).await;
    let mut places: Vec<Position> = Vec::new();
    for after in [After::Head, After::Oldest] {
        let page = stage.page(after, ALL).await;
        assert!(page.events.is_empty() && page.gap.is_none() && !page.has_more());
        assert_eq!(page.next.seq, Seq::ZERO);
        places.push(page.next);
    }
    let first = stage.append(1).await[0];
    for place in places {
        let page = stage.page(After::At(place), ALL).await;
        assert_eq!(page.gap, None, "a cursor of an empty log is good");
        assert_eq!(page.events.iter().map(|e| e.id).collect::<Vec<_>>(), [first.id]);
    }
}
