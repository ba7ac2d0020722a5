Console.WriteLine("notary");
