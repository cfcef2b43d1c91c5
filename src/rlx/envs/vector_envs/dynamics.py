"""Gymnasium's classic-control environments in compiled code, bit for bit.

Each function repeats, operation by operation, what Gymnasium 1.x computes in ``step`` (gymnasium/envs/classic_control,
after Barto, Sutton & Anderson 1983 for CartPole, Sutton 1996 for Acrobot, Moore 1990 for MountainCar), and must not be
compiled with permission to reorder. Where NumPy raises a scalar to the power of two it calls ``pow``, whose last bit
can differ from x · x; ``two`` comes in as an argument so that the compiler cannot turn one into the other.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from rlx.launch import exact

Array = np.ndarray[Any, Any]

CARTPOLE, PENDULUM, ACROBOT, MOUNTAIN_CAR = range(4)


@exact
def cartpole(state, force):
    """CartPole-v1: Euler steps of 0.02 s; ends beyond ±2.4 or ±12°. Returns (reward, terminated)."""
    x, x_dot, theta, theta_dot = state[0], state[1], state[2], state[3]
    cosine, sine = math.cos(theta), math.sin(theta)
    temp = (force + 0.05 * (theta_dot * theta_dot) * sine) / 1.1
    theta_acc = (9.8 * sine - cosine * temp) / (0.5 * (4.0 / 3.0 - 0.1 * (cosine * cosine) / 1.1))
    x_acc = temp - 0.05 * theta_acc * cosine / 1.1
    x, x_dot = x + 0.02 * x_dot, x_dot + 0.02 * x_acc
    theta, theta_dot = theta + 0.02 * theta_dot, theta_dot + 0.02 * theta_acc
    state[0], state[1], state[2], state[3] = x, x_dot, theta, theta_dot
    limit = 12 * 2 * math.pi / 360
    return 1.0, x < -2.4 or x > 2.4 or theta < -limit or theta > limit


@exact
def pendulum(state, torque, two):
    """Pendulum-v1: semi-implicit Euler steps of 0.05 s; never ends. ``torque`` is a float32, as in Gymnasium."""
    theta, theta_dot = state[0], state[1]
    u = min(max(torque, np.float32(-2.0)), np.float32(2.0))
    angle = ((theta + math.pi) % (2 * math.pi)) - math.pi
    cost = math.pow(angle, two) + 0.1 * math.pow(theta_dot, two) + np.float32(0.001) * math.pow(u, np.float32(two))
    moved = theta_dot + (3 * 10.0 / (2 * 1.0) * math.sin(theta) + np.float32(3.0) * u) * 0.05
    state[1] = min(max(moved, -8.0), 8.0)
    state[0] = theta + state[1] * 0.05
    return -cost, False


@exact
def acrobot_slope(theta1, theta2, speed1, speed2, torque, two):
    """Return the angular accelerations of Acrobot-v1's two joints (Sutton & Barto's form of the equations)."""
    cosine, sine = math.cos(theta2), math.sin(theta2)
    d1 = 0.25 + (1.25 + cosine) + 1.0 + 1.0
    d2 = (0.25 + 0.5 * cosine) + 1.0
    phi2 = (0.5 * 9.8) * math.cos(theta1 + theta2 - math.pi / 2.0)
    phi1 = (
        -0.5 * math.pow(speed2, two) * sine
        - speed2 * speed1 * sine
        + (1.5 * 9.8) * math.cos(theta1 - math.pi / 2)
        + phi2
    )
    acceleration2 = (torque + d2 / d1 * phi1 - 0.5 * math.pow(speed1, two) * sine - phi2) / (
        1.25 - math.pow(d2, two) / d1
    )
    return -(d2 * acceleration2 + phi1) / d1, acceleration2


@exact
def wrapped_angle(angle):
    """Bring an angle into [−π, π] by whole turns."""
    while angle > math.pi:
        angle = angle - 2 * math.pi
    while angle < -math.pi:
        angle = angle + 2 * math.pi
    return angle


@exact
def acrobot(state, torque, two):
    """Acrobot-v1: one Runge–Kutta step of 0.2 s; ends when the tip is one link above the joint."""
    a, b, c, d = state[0], state[1], state[2], state[3]
    k1c, k1d = acrobot_slope(a, b, c, d, torque, two)
    k2a, k2b = c + 0.1 * k1c, d + 0.1 * k1d
    k2c, k2d = acrobot_slope(a + 0.1 * c, b + 0.1 * d, k2a, k2b, torque, two)
    k3a, k3b = c + 0.1 * k2c, d + 0.1 * k2d
    k3c, k3d = acrobot_slope(a + 0.1 * k2a, b + 0.1 * k2b, k3a, k3b, torque, two)
    k4a, k4b = c + 0.2 * k3c, d + 0.2 * k3d
    k4c, k4d = acrobot_slope(a + 0.2 * k3a, b + 0.2 * k3b, k4a, k4b, torque, two)
    sixth = 0.2 / 6.0
    state[0] = wrapped_angle(a + sixth * (c + 2 * k2a + 2 * k3a + k4a))
    state[1] = wrapped_angle(b + sixth * (d + 2 * k2b + 2 * k3b + k4b))
    state[2] = min(max(c + sixth * (k1c + 2 * k2c + 2 * k3c + k4c), -4 * math.pi), 4 * math.pi)
    state[3] = min(max(d + sixth * (k1d + 2 * k2d + 2 * k3d + k4d), -9 * math.pi), 9 * math.pi)
    over = -math.cos(state[0]) - math.cos(state[1] + state[0]) > 1.0
    return 0.0 if over else -1.0, over


@exact
def mountain_car(state, push):
    """MountainCar-v0: ends at the flag, position 0.5. ``push`` is −1, 0 or 1."""
    velocity = state[1] + (push * 0.001 + math.cos(3 * state[0]) * (-0.0025))
    velocity = min(max(velocity, -0.07), 0.07)
    position = min(max(state[0] + velocity, -1.2), 0.6)
    if position == -1.2 and velocity < 0:
        velocity = 0.0
    state[0], state[1] = position, velocity
    return -1.0, position >= 0.5 and velocity >= 0


@exact
def step_dynamics(kind, state, action_A, two):
    """Advance one copy; returns (reward, terminated). ``action_A`` is float32, also where it is a number of an option."""
    if kind == CARTPOLE:
        return cartpole(state, 10.0 if action_A[0] == 1 else -10.0)
    if kind == PENDULUM:
        return pendulum(state, action_A[0], two)
    if kind == ACROBOT:
        return acrobot(state, np.float64(action_A[0]) - 1.0, two)
    return mountain_car(state, np.float64(action_A[0]) - 1.0)


@exact
def observe(kind, state, observation_D):
    """Write what the agent sees: float32 numbers."""
    single = np.float32
    if kind == PENDULUM:
        observation_D[0], observation_D[1] = single(math.cos(state[0])), single(math.sin(state[0]))
        observation_D[2] = single(state[1])
    elif kind == ACROBOT:
        observation_D[0], observation_D[1] = single(math.cos(state[0])), single(math.sin(state[0]))
        observation_D[2], observation_D[3] = single(math.cos(state[1])), single(math.sin(state[1]))
        observation_D[4], observation_D[5] = single(state[2]), single(state[3])
    else:
        for j in range(observation_D.size):
            observation_D[j] = single(state[j])


class State(NamedTuple):
    """The copies of a compiled environment: a kernel's view of a :class:`rlx.envs.vector_envs.native.NativeSource`.

    ``starts_NRS`` are first states drawn ahead, ``first_NRD`` what is seen of them, ``used_N`` how many are used up.
    """

    kind: int
    state_NS: Array
    lengths_N: Array
    limit: int
    starts_NRS: Array
    first_NRD: Array
    used_N: Array
    two: float


@exact
def advance(native, arrays, actions_NA):
    """Step every copy; a new episode begins where one ends. ``actions_NA`` is float32."""
    for i in range(native.lengths_N.size):
        state = native.state_NS[i]
        reward, terminated = step_dynamics(native.kind, state, actions_NA[i], native.two)
        native.lengths_N[i] += 1
        arrays.raw_rewards_N[i] = reward
        done = terminated or native.lengths_N[i] >= native.limit
        arrays.dones_N[i], arrays.truncated_N[i] = done, done and not terminated
        if done:
            observe(native.kind, state, arrays.raw_final_ND[i])
            next_start = native.used_N[i]
            for j in range(state.size):
                state[j] = native.starts_NRS[i, next_start, j]
            for j in range(arrays.raw_ND.shape[1]):
                arrays.raw_ND[i, j] = native.first_NRD[i, next_start, j]
            native.used_N[i], native.lengths_N[i] = next_start + 1, 0
        else:
            observe(native.kind, state, arrays.raw_ND[i])
