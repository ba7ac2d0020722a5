namespace Notary.Crypto.Arithmetic;

/// <summary>An odd modulus below 2^256 with its Montgomery constants, 64-bit limbs from the least significant. Constants, so that the JIT folds them.</summary>
internal interface IModulus
{
    static abstract U256 Value { get; }

    /// <summary>2^512 mod m.</summary>
    static abstract U256 R2 { get; }

    /// <summary>-m^-1 mod 2^64.</summary>
    static abstract ulong Inverse { get; }
}

/// <summary>SM2's field (GB/T 32918.5, recommended curve).</summary>
internal readonly struct Sm2Prime : IModulus
{
    public static U256 Value => new(0xfffffffffffffffful, 0xffffffff00000000ul, 0xfffffffffffffffful, 0xfffffffefffffffful);

    public static U256 R2 => new(0x0000000200000003ul, 0x00000002fffffffful, 0x0000000100000001ul, 0x0000000400000002ul);

    public static ulong Inverse => 0x0000000000000001;
}

/// <summary>The order of SM2's base point (GB/T 32918.5).</summary>
internal readonly struct Sm2Order : IModulus
{
    public static U256 Value => new(0x53bbf40939d54123ul, 0x7203df6b21c6052bul, 0xfffffffffffffffful, 0xfffffffefffffffful);

    public static U256 R2 => new(0x901192af7c114f20ul, 0x3464504ade6fa2faul, 0x620fc84c3affe0d4ul, 0x1eb5e412a22b3d3bul);

    public static ulong Inverse => 0x327f9e8872350975;
}

/// <summary>P-256's field (SP 800-186 3.2.1.3).</summary>
internal readonly struct P256Prime : IModulus
{
    public static U256 Value => new(0xfffffffffffffffful, 0x00000000fffffffful, 0x0000000000000000ul, 0xffffffff00000001ul);

    public static U256 R2 => new(0x0000000000000003ul, 0xfffffffbfffffffful, 0xfffffffffffffffeul, 0x00000004fffffffdul);

    public static ulong Inverse => 0x0000000000000001;
}

/// <summary>2^255 - 19 (RFC 8032 5.1).</summary>
internal readonly struct Ed25519Prime : IModulus
{
    public static U256 Value => new(0xffffffffffffffedul, 0xfffffffffffffffful, 0xfffffffffffffffful, 0x7ffffffffffffffful);

    public static U256 R2 => new(0x00000000000005a4ul, 0x0000000000000000ul, 0x0000000000000000ul, 0x0000000000000000ul);

    public static ulong Inverse => 0x86bca1af286bca1b;
}

/// <summary>2^252 + 27742317777372353535851937790883648493 (RFC 8032 5.1).</summary>
internal readonly struct Ed25519Order : IModulus
{
    public static U256 Value => new(0x5812631a5cf5d3edul, 0x14def9dea2f79cd6ul, 0x0000000000000000ul, 0x1000000000000000ul);

    public static U256 R2 => new(0xa40611e3449c0f01ul, 0xd00e1ba768859347ul, 0xceec73d217f5be65ul, 0x0399411b7c309a3dul);

    public static ulong Inverse => 0xd2b51da312547e1b;
}
