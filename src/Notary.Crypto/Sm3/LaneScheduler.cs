using System.Runtime.CompilerServices;

namespace Notary.Crypto.Sm3;

/// <summary>Compresses one block of each of <see cref="Lanes"/> messages at a time.</summary>
internal unsafe interface ILaneKernel
{
    static abstract int Lanes { get; }

    /// <summary>Compresses <paramref name="count"/> consecutive blocks of every lane.</summary>
    /// <param name="state"><c>state[word · Lanes + lane]</c>, aligned to 64 bytes</param>
    /// <param name="blocks">where each lane's data starts</param>
    static abstract void Compress(uint* state, byte** blocks, nint count);

    /// <summary>Sets the state of every lane from its eight words.</summary>
    static abstract void LoadStates(uint* state, uint** rows);

    /// <summary>Writes the eight words of every lane, lane after lane.</summary>
    static abstract void StoreStates(uint* state, uint* rows);

    /// <summary>Writes the digest of every lane, 32 bytes each.</summary>
    static abstract void StoreDigests(uint* state, byte* digests);
}

/// <summary>
/// Keeps the lanes of a kernel full: a lane whose message ends takes the next one, so messages of any mixture of lengths may come in any
/// order; the last few that are left alone are finished by the plain code. Messages of one length start and end together, and then states and
/// digests move as whole registers. Works on the stack and allocates nothing.
/// </summary>
internal unsafe struct LaneScheduler<TKernel>
    where TKernel : struct, ILaneKernel
{
    // With this many lanes left the plain code is quicker than the kernel with its idle lanes.
    private const int FewLanes = 2;
    private const int MaxLanes = 16;
    private const int PadSize = 2 * Sm3Plain.BlockSize;
    private const int Idle = -1;

    private byte* _arena;
    private Slice* _messages;
    private uint* _start;
    private int* _keyOf;
    private int _prefixBlocks;
    private Hash32* _digests;
    private int _count;
    private int _next;
    private int _active;

    // One place per lane: its state's column, the padded end of its message, what it reads, how many blocks without a break, how many
    // blocks of padding follow, and which message it is.
    private uint* _state;
    private byte* _pads;
    private byte** _at;
    private int* _left;
    private int* _padBlocks;
    private int* _message;

    // The first of Lanes consecutive messages that were started together, or Idle.
    private int _group;

    /// <param name="arena">all messages; the slices are already checked to lie in it</param>
    /// <param name="start">eight words per key to start from instead of the initial value; with <paramref name="keyOf"/>, or null</param>
    /// <param name="keyOf">for each message the index of its start; null for the message's own index</param>
    /// <param name="prefixBlocks">blocks that are in the start state already and count for the length</param>
    [SkipLocalsInit]
    public static void Run(byte* arena, Slice* messages, int count, uint* start, int* keyOf, int prefixBlocks, Hash32* digests)
    {
        var storage = stackalloc byte[(8 * MaxLanes * sizeof(uint)) + (MaxLanes * PadSize) + (MaxLanes * Hash32.Size) + 63];
        var at = stackalloc byte*[MaxLanes];
        var numbers = stackalloc int[3 * MaxLanes];
        var initial = stackalloc uint[8];
        Sm3Plain.InitialState.CopyTo(new Span<uint>(initial, 8));
        var work = default(LaneScheduler<TKernel>);
        work._arena = arena;
        work._messages = messages;
        work._start = start == null ? initial : start;
        work._keyOf = keyOf;
        work._prefixBlocks = prefixBlocks;
        work._digests = digests;
        work._count = count;
        work._state = (uint*)(((nint)storage + 63) & ~63);
        work._pads = (byte*)(work._state + (8 * MaxLanes));
        work._at = at;
        work._left = numbers;
        work._padBlocks = numbers + MaxLanes;
        work._message = numbers + (2 * MaxLanes);
        work.Run(ownStart: start != null, (Hash32*)(work._pads + (MaxLanes * PadSize)));
    }

    private void Run(bool ownStart, Hash32* finished)
    {
        RefillAll(ownStart);
        while (_active > FewLanes)
        {
            var step = Shortest();
            TKernel.Compress(_state, _at, step);
            if (_group != Idle && AllEndAfter(step))
            {
                TKernel.StoreDigests(_state, (byte*)(_digests + _group));
                _active = 0;
                RefillAll(ownStart);
                continue;
            }
            var stored = false;
            for (var lane = 0; lane < TKernel.Lanes; lane++)
            {
                if (_message[lane] == Idle)
                {
                    continue;
                }
                _left[lane] -= step;
                if (_left[lane] > 0)
                {
                    _at[lane] += (nint)step * Sm3Plain.BlockSize;
                }
                else if (_padBlocks[lane] > 0)
                {
                    _at[lane] = _pads + (lane * PadSize);
                    _left[lane] = _padBlocks[lane];
                    _padBlocks[lane] = 0;
                }
                else
                {
                    if (!stored)
                    {
                        TKernel.StoreDigests(_state, (byte*)finished);
                        stored = true;
                        _group = Idle;
                    }
                    _digests[_message[lane]] = finished[lane];
                    _active--;
                    Refill(lane, ownStart);
                }
            }
        }
        for (var lane = 0; lane < TKernel.Lanes && _active > 0; lane++)
        {
            if (_message[lane] != Idle)
            {
                FinishAlone(lane);
                _active--;
            }
        }
    }

    // Blocks that every busy lane can go without a look; idle lanes are pointed at the same data as a busy one.
    private int Shortest()
    {
        var step = int.MaxValue;
        var busy = 0;
        for (var lane = 0; lane < TKernel.Lanes; lane++)
        {
            if (_left[lane] < step)
            {
                step = _left[lane];
                busy = lane;
            }
        }
        if (_active < TKernel.Lanes)
        {
            for (var lane = 0; lane < TKernel.Lanes; lane++)
            {
                if (_message[lane] == Idle)
                {
                    _at[lane] = _at[busy];
                }
            }
        }
        return step;
    }

    private readonly bool AllEndAfter(int step)
    {
        var open = 0;
        for (var lane = 0; lane < TKernel.Lanes; lane++)
        {
            open |= (_left[lane] - step) | _padBlocks[lane];
        }
        return open == 0;
    }

    private void RefillAll(bool ownStart)
    {
        if (_count - _next < TKernel.Lanes)
        {
            _group = Idle;
            for (var lane = 0; lane < TKernel.Lanes; lane++)
            {
                Refill(lane, ownStart);
            }
            return;
        }
        _group = _next;
        var rows = stackalloc uint*[MaxLanes];
        for (var lane = 0; lane < TKernel.Lanes; lane++)
        {
            rows[lane] = Start(lane, ownStart);
        }
        TKernel.LoadStates(_state, rows);
    }

    private void Refill(int lane, bool ownStart)
    {
        if (_next == _count)
        {
            _message[lane] = Idle;
            _left[lane] = int.MaxValue;
            return;
        }
        var start = Start(lane, ownStart);
        var column = _state + lane;
        for (var word = 0; word < 8; word++)
        {
            column[word * TKernel.Lanes] = start[word];
        }
    }

    // Puts the next message into the lane, all but its state; returns what the state starts from.
    private uint* Start(int lane, bool ownStart)
    {
        var index = _next++;
        _active++;
        _message[lane] = index;
        var length = _messages[index].Length;
        var data = _arena + _messages[index].Offset;
        var whole = length / Sm3Plain.BlockSize;
        var pad = _pads + (lane * PadSize);
        var padding = Sm3Plain.WritePadding(
            pad, data + (whole * Sm3Plain.BlockSize), length % Sm3Plain.BlockSize, (ulong)length + ((ulong)_prefixBlocks * Sm3Plain.BlockSize));
        _at[lane] = whole > 0 ? data : pad;
        _left[lane] = whole > 0 ? whole : padding;
        _padBlocks[lane] = whole > 0 ? padding : 0;
        return ownStart ? _start + (8 * (nint)(_keyOf == null ? index : _keyOf[index])) : _start;
    }

    private readonly void FinishAlone(int lane)
    {
        var state = stackalloc uint[8];
        for (var word = 0; word < 8; word++)
        {
            state[word] = _state[(word * TKernel.Lanes) + lane];
        }
        Sm3Plain.Compress(state, _at[lane], _left[lane]);
        Sm3Plain.Compress(state, _pads + (lane * PadSize), _padBlocks[lane]);
        Sm3Plain.WriteDigest(state, (byte*)(_digests + _message[lane]));
    }
}
