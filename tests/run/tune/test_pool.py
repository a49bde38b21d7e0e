"""Seats of workers: room on nodes, shares of GPUs, room made for others."""

import pytest

from mubench.run.tune.pool import Node, Pool, Seat, Share, room_for

WHOLE, HALF, QUARTER = Share(1, 1), Share(1, 0.5), Share(1, 0.25)


def pool(*nodes):
    made = Pool()
    made.set_nodes(nodes)
    return made


def fill(pool, share, name="w"):
    """Give seats until there is no more room; how many."""
    count = 0
    while (seat := pool.find(share)) is not None:
        pool.add(f"{name}{count}", seat)
        count += 1
    return count


@pytest.mark.parametrize(
    ("share", "count"),
    [
        (Share(1, 0), 10),  # 6 + 4, not 10.5
        (Share(4, 0), 2),  # a worker does not lie on two nodes
        (Share(7, 0), 0),
        (WHOLE, 2),
        (Share(1, 0.3), 6),  # three on each GPU, though 0.9 of two GPUs is left
        (Share(1, 1 / 3), 6),
        (QUARTER, 6),  # CPUs of the node with GPUs are used up
        (Share(1, 2), 1),
    ],
)
def test_as_many_workers_fit_as_their_nodes_hold(share, count):
    nodes = Node("a", 6, 2), Node("b", 4.5, 0)
    assert fill(pool(*nodes), share) == count == room_for(share, nodes)


def test_a_share_fits_an_empty_node_or_not():
    node = Node("a", 8, 2)
    assert [Share(8, 2).fits(node), Share(9, 0).fits(node), Share(1, 3).fits(node)] == [1, 0, 0]


def test_small_shares_fill_a_gpu_before_they_begin_another():
    here = pool(Node("a", 16, 2))
    for n in range(4):
        here.add(f"w{n}", here.find(QUARTER))
    assert len({seat.gpus for seat in here.seats.values()}) == 1
    assert here.find(WHOLE) is not None


def test_what_is_removed_is_free_again():
    here = pool(Node("a", 2, 0))
    assert fill(here, Share(1, 0)) == 2
    here.remove("w0")
    here.remove("nobody")
    assert fill(here, Share(1, 0), "x") == 1


def test_ray_may_put_a_worker_elsewhere():
    here = pool(Node("a", 2, 1), Node("b", 2, 1))
    here.add("w", here.find(WHOLE))
    assert here.seats["w"].node == "a"
    here.move("w", "b", (0,))
    assert here.find(WHOLE) == Seat(WHOLE, "a", (0,))
    here.move("gone", "b", (0,))
    assert here.seats.keys() == {"w"}


def test_workers_that_ray_put_in_each_others_place_change_seats():
    """Four start, each on another GPU than was thought: there is no room for a fifth."""
    here = pool(Node("a", 16, 4))
    assert fill(here, WHOLE) == 4
    for n, gpu in enumerate((2, 0, 3, 1)):
        here.move(f"w{n}", "a", (gpu,))
        assert here.find(WHOLE) is None
    assert [here.seats[f"w{n}"].gpus for n in range(4)] == [(2,), (0,), (3,), (1,)]
    for n in range(4):
        here.remove(f"w{n}")
    assert fill(here, WHOLE, "x") == 4


def test_nodes_that_come_have_room_and_nodes_that_go_have_none():
    here = pool(Node("a", 1, 0))
    fill(here, Share(1, 0))
    here.set_nodes([Node("a", 1, 0), Node("b", 1, 0)])
    assert here.find(Share(1, 0)).node == "b"
    here.set_nodes([Node("b", 1, 0)])
    here.remove("w0")
    assert fill(here, Share(1, 0), "x") == 1
    here.set_nodes([Node("a", 1, 0), Node("b", 1, 0)])
    assert here.find(Share(1, 0)).node == "a"


def test_the_fewest_workers_of_one_gpu_make_room_for_a_whole_one():
    here = pool(Node("a", 16, 2))
    for n, gpu in enumerate([0, 0, 0, 1]):
        here.add(f"w{n}", Seat(QUARTER, "a", (gpu,)))
    here.add("kept", Seat(HALF, "a", (1,)))
    movable = ["w0", "w1", "w2", "w3"]
    assert here.easiest_to_free(WHOLE, movable) == (
        Seat(WHOLE, "a", (0,)),
        frozenset({"w0", "w1", "w2"}),
    )
    assert here.easiest_to_free(WHOLE, [*movable, "kept"])[1] == {"w3", "kept"}
    assert here.easiest_to_free(WHOLE, ["w0", "w3"]) is None


def test_workers_make_room_for_more_cpus_on_one_node():
    here = pool(Node("a", 4, 0), Node("b", 4, 0))
    fill(here, Share(1, 0))
    seat, leaving = here.easiest_to_free(Share(3, 0), here.seats)
    assert len(leaving) == 3
    assert {here.seats[worker].node for worker in leaving} == {seat.node}


def test_a_promised_seat_is_taken_before_it_is_free():
    here = pool(Node("a", 4, 1))
    fill(here, QUARTER)
    seat, leaving = here.easiest_to_free(WHOLE, here.seats)
    here.add("promise", seat)
    for worker in leaving:
        here.remove(worker)
        assert here.find(QUARTER) is None
    here.rename("promise", "new")
    assert here.seats == {"new": seat}
    here.remove("new")
    assert fill(here, QUARTER) == 4


@pytest.mark.parametrize(
    ("share", "part"),
    [(Share(1, 0), 0.1), (Share(1, 0.5), 0.25), (Share(20, 0), 1.0), (Share(1, 4), 1.0)],
)
def test_the_part_of_a_cluster_is_that_of_what_is_scarcer(share, part):
    assert pool(Node("a", 6, 2), Node("b", 4, 0)).part_of(share) == pytest.approx(part)


@pytest.mark.parametrize(
    ("share", "text"), [(Share(1, 0), "1 CPU"), (Share(0.5, 0.25), "0.5 CPU, 0.25 GPU")]
)
def test_a_share_is_readable(share, text):
    assert str(share) == text
