//! One of the threads that use the reactors from outside.

use std::sync::Arc;
use std::thread;

use ropewalk_testing::soak::{Dice, Post};

use crate::scene::{Here, Scene};
use crate::work::Work;
use crate::world::World;

pub(crate) fn drive(world: &Arc<World>, number: usize, post: &Post) {
    let mut dice = Dice::of_thread(world.plan.seed, number);
    let scene = Scene { world, here: Here::Foreign, depth: 0 };
    for _ in 0..world.plan.steps {
        let work = Work::draw(world, &mut dice);
        post.is_at(work.name());
        work.perform(&scene, &mut dice);
        if dice.one_in(8) {
            thread::yield_now();
        }
    }
    post.is_off();
    world.driver_is_done();
}
